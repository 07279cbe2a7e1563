"""What reaches the log, and how often it is read."""

import math
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS

from siameseim.engine import runtime_info_hook
from tests.transfer_fixtures import logged


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
class RecordNorms(Hook):
    """Keeps the norm of every other iteration, where a window of 2 ends."""

    priority = 'HIGHEST'

    def before_train(self, runner):
        runner.norms = []

    def after_train_iter(self, runner, batch_idx, **kwargs):
        if runner.iter % 2:
            runner.norms.append(runner.optim_wrapper.grad_norm.item())


def test_log_holds_means_of_its_interval(toy_run, tmp_path):
    runner = toy_run(hooks=[dict(type='RecordLosses')])
    lines = logged(tmp_path / 'run')
    assert [line['step'] for line in lines] == list(range(2, 19, 2))
    for line in lines:
        pair = runner.recorded[line['step'] - 2 : line['step']]
        for name in ('loss', 'loss_pos', 'loss_neg'):
            mean = sum(losses[name] for losses in pair) / 2
            assert line[name] == pytest.approx(mean, rel=1e-6)


def test_losses_are_read_once_a_log_interval(toy_run, monkeypatch):
    """Who reads tensors in 12 iterations with two log lines: two, twice."""
    readers = Counter()

    def count(name):
        plain = getattr(torch.Tensor, name)

        def read(tensor, *args):
            readers[Path(sys._getframe(1).f_code.co_filename).name] += 1
            return plain(tensor, *args)

        monkeypatch.setattr(torch.Tensor, name, read)

    for name in ('item', 'tolist', '__float__', '__bool__', '__int__'):
        count(name)

    toy_run(epochs=2, options={'default_hooks.logger.interval': 6})
    del readers['toy_runs.py']  # the toy model notes the keys it sees
    # Once a run: the start time. Once an epoch: PyTorch's loader draws its
    # seed, and we undo that.
    for seldom in ('runner.py', 'dataloader.py', 'rng_state.py'):
        del readers[seldom]
    assert readers == {'runtime_info_hook.py': 2, 'guard_hook.py': 2}


def test_terms_that_are_not_finite_are_left_out_of_the_mean(toy_run, tmp_path):
    runner = toy_run(
        hooks=[
            dict(type='RecordLosses'),
            dict(type='BreakWeights', iterations=[6, 8, 9]),
        ]
    )
    by_step = {line['step']: line['loss'] for line in logged(tmp_path)}
    assert by_step[8] == pytest.approx(runner.recorded[7]['loss'])
    assert math.isnan(by_step[10])


def test_histories_stay_short(toy_run):
    runner = toy_run()
    for history in runner.message_hub.log_scalars.values():
        assert history.max_length == 1000


SIX = {'default_hooks.logger.interval': 6}


def test_each_step_counts_once_in_the_mean_norm(toy_run, tmp_path):
    hooks = [dict(type='RecordNorms')]
    runner = toy_run(epochs=1, accumulation=2, hooks=hooks, options=SIX)
    (line,) = logged(tmp_path / 'run')
    assert line['grad_norm'] == pytest.approx(sum(runner.norms) / 3, rel=1e-6)


def test_losses_of_other_processes_are_part_of_the_mean(
    toy_run, tmp_path, monkeypatch
):
    """Of one that has a sum of 10 in a single iteration."""
    theirs = torch.tensor([10.0, 1.0])
    monkeypatch.setattr(
        runtime_info_hook, 'all_reduce', lambda sums: sums.add_(theirs)
    )
    hooks = [dict(type='RecordLosses')]
    runner = toy_run(epochs=1, hooks=hooks, options=SIX)
    (line,) = logged(tmp_path / 'run')
    ours = sum(losses['loss'] for losses in runner.recorded)
    assert line['loss'] == pytest.approx((ours + 10) / 7, rel=1e-6)
