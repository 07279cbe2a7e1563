"""What reaches the log, how often it is read, and broken runs."""

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS


@HOOKS.register_module()
class RecordLosses(Hook):
    """Keeps the losses of every iteration, read at once."""

    def before_train(self, runner):
        runner.recorded = []

    def after_train_iter(self, runner, batch_idx, outputs=None, **kwargs):
        runner.recorded.append(
            {name: value.item() for name, value in outputs.items()}
        )


@HOOKS.register_module()
class BreakGradient(Hook):
    """Makes online weights NaN for the iterations [start, end)."""

    def __init__(self, start, end):
        self.start, self.end = start, end

    def before_train_iter(self, runner, batch_idx, **kwargs):
        weight = runner.model.norm.weight.data
        if runner.iter == self.start:
            self.kept = weight.clone()
            weight.fill_(float('nan'))
        if runner.iter == self.end:
            weight.copy_(self.kept)


def log_lines(folder):
    (path,) = folder.glob('*/vis_data/scalars.json')
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_log_holds_means_of_its_interval(toy_run, tmp_path):
    runner = toy_run(hooks=[dict(type='RecordLosses')])
    lines = log_lines(tmp_path / 'run')
    assert [line['step'] for line in lines] == list(range(2, 19, 2))
    for line in lines:
        pair = runner.recorded[line['step'] - 2 : line['step']]
        for name in ('loss', 'loss_pos', 'loss_neg'):
            mean = sum(losses[name] for losses in pair) / 2
            assert line[name] == pytest.approx(mean, rel=1e-6)


def test_losses_are_read_once_a_log_interval(toy_run, monkeypatch):
    """Who reads tensors in 12 iterations with two log lines: one, twice."""
    readers = Counter()

    def count(name):
        plain = getattr(torch.Tensor, name)

        def read(tensor, *args):
            readers[Path(sys._getframe(1).f_code.co_filename).name] += 1
            return plain(tensor, *args)

        monkeypatch.setattr(torch.Tensor, name, read)

    for name in ('item', 'tolist', '__float__', '__bool__', '__int__'):
        count(name)

    def change(config):
        config.default_hooks.logger.interval = 6

    toy_run(epochs=2, change=change)
    del readers['conftest.py']  # the toy model notes the keys it sees
    # Once a run: the start time. Once an epoch: PyTorch's loader draws its
    # seed, and we undo that.
    for seldom in ('runner.py', 'dataloader.py', 'rng_state.py'):
        del readers[seldom]
    assert readers == {'runtime_info_hook.py': 2}


def test_a_short_break_is_skipped_and_reported(toy_run, tmp_path, caplog):
    hook = dict(type='BreakGradient', start=7, end=8)
    runner = toy_run(hooks=[hook])
    assert runner.model.online.weight.isfinite().all()
    assert runner.iter == 18
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert '1 of the last 2 steps' in log.read_text()


def test_a_lasting_break_stops_and_is_not_saved(toy_run, tmp_path):
    with pytest.raises(FloatingPointError, match='precision=fp32'):
        toy_run(hooks=[dict(type='BreakGradient', start=7, end=100)])
    assert [p.name for p in (tmp_path / 'run').glob('*.pth')] == [
        'epoch_1.pth'
    ]


def test_histories_stay_short(toy_run):
    runner = toy_run()
    for history in runner.message_hub.log_scalars.values():
        assert history.max_length == 1000
