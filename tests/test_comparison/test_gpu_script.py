"""tools/gpu_imagenette.sh: pieces, what it reports, and a small rehearsal."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'configs/comparison'
CONFIG = CONFIGS / 'siameseim_vits_imagenette_200e_whitened.py'
TALKS = """#!/usr/bin/env bash
echo "$@" >> {calls}
[[ $1 == *train.py ]] || exit 0
echo {saved} > {work}/last_checkpoint
exit $(cat {status})
"""
TINY = f"""_base_ = [{str(CONFIG)!r}]
custom_imports = dict(imports=['siameseim', 'stop_in_the_middle'])
model = dict(
    backbone=dict(
        arch=dict(_delete_=True, embed_dims=16, num_layers=2, num_heads=2,
                  feedforward_channels=32),
        img_size=32, patch_size=8,
    ),
    neck=dict(embed_dims=16, num_heads=2),
)
train_pipeline = _base_.train_pipeline
train_pipeline[0]['size'] = 32
train_pipeline[3].update(grid=4, num_masked=9, min_block=2)
train_dataloader = dict(
    batch_size=4,
    num_workers=1,
    dataset=dict(pipeline=train_pipeline, repeats=1),
)
train_cfg = dict(max_epochs=4)
param_scheduler = dict(warmup=1)
custom_hooks = _base_.custom_hooks
custom_hooks.append(dict(type='StopInTheMiddle'))
"""
STOP = """import signal
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS

@HOOKS.register_module()
class StopInTheMiddle(Hook):
    def after_train_iter(self, runner, batch_idx, **kwargs):
        if runner.iter + 1 == 7:
            signal.raise_signal(signal.SIGTERM)
"""


def run(data, work, **variables):
    return subprocess.run(
        [ROOT / 'tools/gpu_imagenette.sh', data, work],
        env={
            **os.environ,
            'CUDA_VISIBLE_DEVICES': '',
            'PYTHON': sys.executable,
            **variables,
        },
        capture_output=True,
        text=True,
    )


@pytest.fixture
def piece(tmp_path):
    """Run a piece whose training ends with a status and saves a file."""
    work, calls = tmp_path / 'work', tmp_path / 'calls'
    status, talks = tmp_path / 'status', tmp_path / 'python'
    work.mkdir()

    def piece(training: int, saved: str):
        status.write_text(str(training))
        talks.write_text(
            TALKS.format(calls=calls, work=work, status=status, saved=saved)
        )
        talks.chmod(0o755)
        calls.write_text('')
        done = run('d', str(work), PYTHON=str(talks)).returncode
        assert f'status {training}: ' in (work / 'commands.log').read_text()
        return done, calls.read_text().splitlines()

    return piece


def test_a_measurement_out_of_time_says_what_to_give(tmp_path):
    work, talks = tmp_path / 'work', tmp_path / 'python'
    work.mkdir()
    (work / 'last_checkpoint').write_text('epoch_200.pth')
    talks.write_text('#!/usr/bin/env bash\n[[ $1 == *train.py ]] || sleep 9\n')
    talks.chmod(0o755)
    done = run('d', str(work), PYTHON=str(talks), LIMIT='0.5s')
    assert done.returncode == 1
    assert 'raise LIMIT or lower PROBE_EPOCHS' in done.stderr


def test_the_gpu_and_the_cores_are_watched_beside_a_piece(tmp_path):
    work, tools = tmp_path / 'work', tmp_path / 'bin'
    tools.mkdir()
    for name, text in {
        'python': 'sleep 2; exit 1',
        'nvidia-smi': 'echo 1980 MHz, 345.67 W, 55, 99 %',
    }.items():
        (tools / name).write_text(f'#!/usr/bin/env bash\n{text}\n')
        (tools / name).chmod(0o755)
    path = f'{tools}:{os.environ["PATH"]}'
    run('d', str(work), PYTHON=str(tools / 'python'), PATH=path)
    (line,) = (work / 'machine.csv').read_text().splitlines()
    time, clock, power, _, load, running, held = line.split(', ')
    assert (clock, power, load) == ('1980 MHz', '345.67 W', '99 %')
    assert time.endswith('Z')
    assert float(running) >= 0
    assert held == 'unknown' or int(held) >= 0


@pytest.mark.parametrize(
    ('training', 'script'), [(143, 75), (124, 75), (137, 75), (1, 1), (0, 75)]
)
def test_a_piece_says_whether_there_is_more_to_do(piece, training, script):
    """Nothing is measured by a piece that trained."""
    done, commands = piece(training, 'iter_9.pth')
    assert done == script
    assert len(commands) == 1
    assert f'{CONFIG.name} --data d/train' in commands[0]
    assert '--resume' in commands[0]


def test_the_piece_after_the_last_epoch_measures(piece, tmp_path):
    piece(0, 'epoch_9.pth')
    done, commands = piece(0, 'epoch_9.pth')
    assert (done, len(commands)) == (0, 2)
    assert f'evaluate_frozen.py {tmp_path}/work/epoch_9.pth' in commands[1]


@pytest.mark.parametrize('training', [124, 137, 143])
def test_pieces_that_save_nothing_end(piece, training):
    piece(training, 'iter_9.pth')
    assert piece(training, 'iter_9.pth')[0] == 1


@pytest.mark.slow
def test_rehearsal_with_a_stop_in_the_middle(labelled_data, tmp_path):
    """The real commands on tiny images: 24 steps in place of 7,375."""
    (tmp_path / 'tiny.py').write_text(TINY)
    (tmp_path / 'stop_in_the_middle.py').write_text(STOP)
    path = f'{tmp_path}{os.pathsep}{os.environ.get("PYTHONPATH", "")}'
    work = tmp_path / 'work'
    variables = dict(
        CONFIG=str(tmp_path / 'tiny.py'), PYTHONPATH=path, PROBE_EPOCHS='2',
        PROBE_BATCH='8',
    )  # fmt: skip
    first = run(str(labelled_data), str(work), **variables)
    assert first.returncode == 75, first.stdout + first.stderr
    assert (work / 'iter_7.pth').is_file()
    second = run(str(labelled_data), str(work), **variables)
    assert second.returncode == 75, second.stdout + second.stderr
    assert 'resuming from' in second.stdout + second.stderr
    third = run(str(labelled_data), str(work), **variables)
    assert third.returncode == 0, third.stdout + third.stderr
    table = (work / 'frozen/frozen.md').read_text()
    assert 'k-NN, k=20 ' in table
    assert 'linear probe' in table


def test_the_published_budget():
    """200 passes over 9,469 images, 224 pixels, ViT-S/16."""
    from mmengine.config import Config

    cfg = Config.fromfile(CONFIG)
    passes = cfg.train_dataloader.dataset.repeats
    assert cfg.train_cfg.max_epochs * passes == 200
    assert cfg.model.backbone.arch == 'small'
    assert cfg.model.backbone.patch_size == 16
    assert cfg.train_dataloader.dataset.pipeline[0].size == 224
    assert cfg.train_dataloader.batch_size == 128
    assert cfg.train_dataloader.num_workers == 16
