"""tools/dist_train.sh: several processes, and signals to all of them."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]


def checkpoint(folder, name):
    return torch.load(folder / name, weights_only=True)


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def dist_train(config, processes, *args, **kwargs):
    """tools/dist_train.sh in a process group of its own."""
    environment = {
        **os.environ,
        'PYTHON': sys.executable,
        'PORT': str(free_port()),
        'OMP_NUM_THREADS': '1',
        'CUDA_VISIBLE_DEVICES': '',
    }
    script = ROOT / 'tools/dist_train.sh'
    return subprocess.Popen(
        [script, config, str(processes), *args],
        env=environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **kwargs,
    )


def test_two_processes_with_half_the_batch_equal_one(
    train, images, config, tmp_path
):
    precision = "optim_wrapper = dict(precision='fp32')"
    data = ['--data', str(images), '--work-dir']
    train.main([config(precision), *data, str(tmp_path / 'one')])
    half = f'{precision}\ntrain_dataloader = dict(batch_size=2)'
    process = dist_train(config(half), 2, *data, str(tmp_path / 'two'))
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output
    one = checkpoint(tmp_path / 'one', 'epoch_2.pth')['state_dict']
    two = checkpoint(tmp_path / 'two', 'epoch_2.pth')['state_dict']
    for key, value in one.items():
        # The gradient of a key bias is zero but for rounding, which AdamW
        # scales up to full steps.
        if value.is_floating_point() and not key.endswith('qkv.bias'):
            difference = (two[key] - value).norm()
            assert difference <= 1e-3 * value.norm() + 1e-6, key


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
