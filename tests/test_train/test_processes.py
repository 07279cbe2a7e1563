"""tools/dist_train.sh: several processes, and signals to all of them."""

import os
import re
import signal

import pytest
import torch

from tests.two_processes import ROOT, finished, on_cpus


def checkpoint(folder, name):
    return torch.load(folder / name, weights_only=True)


def dist_train(config, processes, *args):
    """tools/dist_train.sh in a process group of its own."""
    script = ROOT / 'tools/dist_train.sh'
    return on_cpus(script, config, processes, *args)


def test_two_processes_with_half_the_batch_equal_one(
    train, images, config, tmp_path
):
    precision = "optim_wrapper = dict(precision='fp32')"
    data = ['--data', str(images), '--work-dir']
    train.main([config(precision), *data, str(tmp_path / 'one')])
    half = f'{precision}\ntrain_dataloader = dict(batch_size=2)'
    process = dist_train(config(half), 2, *data, str(tmp_path / 'two'))
    finished(process)
    one = checkpoint(tmp_path / 'one', 'epoch_2.pth')['state_dict']
    two = checkpoint(tmp_path / 'two', 'epoch_2.pth')['state_dict']
    for key, value in one.items():
        # The gradient of a key bias is zero but for rounding, which AdamW
        # scales up to full steps.
        if value.is_floating_point() and not key.endswith('qkv.bias'):
            difference = (two[key] - value).norm()
            assert difference <= 1e-3 * value.norm() + 1e-6, key


@pytest.mark.skipif(
    torch.__version__.startswith(('2.6', '2.7', '2.8', '2.9')),
    reason='threads of this torch have no names of their own',
)
def test_gloo_threads_end_before_python_does(images, config, tmp_path):
    """Those that outlive it abort the process now and then."""
    program = tmp_path / 'program.py'
    program.write_text(
        'import sys\n'
        'from pathlib import Path\n'
        f'sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "tools")!r}]\n'
        'from siameseim.launch import distributed\n'
        'from tests.transfer_fixtures import tool\n'
        'leave = distributed.end_group\n'
        'def show(when):\n'
        '    tasks = Path("/proc/self/task").glob("*/comm")\n'
        '    print(when, *(task.read_text().strip() for task in tasks))\n'
        'def watched():\n'
        '    show("before")\n'
        '    leave()\n'
        'distributed.end_group = watched\n'
        "tool('train').main()\n"
        'show("after")\n'
    )
    data = ['--data', images, '--work-dir', tmp_path / 'work']
    launch = ['-m', 'torch.distributed.run', '--standalone']
    command = [*launch, program, config(''), *data, '--launcher', 'pytorch']
    output = finished(on_cpus('python', *command))
    (before,) = re.findall('^before (.*)$', output, re.MULTILINE)
    (after,) = re.findall('^after (.*)$', output, re.MULTILINE)
    assert 'gloo' in before
    assert 'gloo' not in after
    assert 'python' in after


@pytest.mark.slow
def test_sigterm_to_all_processes_saves_and_the_command_resumes(
    images, config, tmp_path
):
    """Signals reach torchrun, both ranks and their loader workers."""
    work = tmp_path / 'work'
    path = config(
        'train_dataloader = dict(batch_size=2, num_workers=1)\n'
        'train_cfg = dict(max_epochs=3000)\nlog_level = "INFO"'
    )
    arguments = ['--data', str(images), '--work-dir', str(work)]
    process = dist_train(path, 2, *arguments)
    for line in process.stdout:
        if 'epoch 2/' in line:
            break
    os.killpg(process.pid, signal.SIGTERM)
    output, _ = process.communicate(timeout=120)
    saved = checkpoint(work, (work / 'last_checkpoint').read_text())
    assert 'Run the same command again' in output
    process = dist_train(path, 2, *arguments, '--resume')
    for line in process.stdout:
        if 'resumed epoch' in line:
            break
    os.killpg(process.pid, signal.SIGTERM)
    process.communicate(timeout=120)
    assert f'iter: {saved["meta"]["iter"]}' in line
