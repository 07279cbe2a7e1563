"""Trainings for a task whose loss or weights are not finite."""

import torch

from siameseim.engine import AutocastOptimWrapper
from siameseim.transfer import finite_hook
from tests.test_transfer.conftest import EPOCHS, ITERATIONS
from tests.test_transfer.test_best import RISING

AUTOCAST = (
    "optim_wrapper.update(type='mmpretrain.AutocastOptimWrapper')\n"
    "default_hooks['checkpoint'].update(interval=40)\n"
)


def broken(**when):
    """What makes a weight NaN in some iterations, or from one on."""
    return f'custom_hooks = [{dict(type="mmpretrain.BreakWeights", **when)}]\n'


def test_it_ends_where_the_loss_stays_so(train, seen):
    """At the iteration at which processes ask each other."""
    status = train(ITERATIONS + AUTOCAST + broken(for_good=4))
    assert 'error: loss or gradient were not finite 16 times' in status
    assert len(seen) == 20


def test_it_goes_on_where_fewer_steps_are_skipped(train, seen):
    status = train(ITERATIONS + AUTOCAST + broken(iterations=[*range(1, 10)]))
    assert status == 0
    assert len(seen) == 30


def test_it_ends_where_only_gradients_are_so(train, seen, monkeypatch):
    """Every step is skipped; the loss looks as if all were well."""
    norm = torch.tensor(float('nan'))
    monkeypatch.setattr(AutocastOptimWrapper, '_norm_and_clip', lambda _: norm)
    status = train(ITERATIONS + AUTOCAST)
    assert 'error: loss or gradient were not finite 10 times' in status
    assert len(seen) == 10


def test_one_skipped_step_of_many_batches_counts_once(train, seen):
    many = 'optim_wrapper.update(accumulative_counts=11)\n'
    assert train(ITERATIONS + AUTOCAST + many + broken(iterations=[3])) == 0
    assert len(seen) == 30


def test_all_processes_end_though_the_loss_of_one_is_so(
    train, seen, monkeypatch
):
    monkeypatch.setattr(
        finite_hook, 'all_reduce', lambda rows, op: rows.fill_(10)
    )
    assert 'not finite 10 times' in train(ITERATIONS)
    assert len(seen) == 10


def test_weights_that_are_not_finite_are_not_saved(train, last, tmp_path):
    """The kept one stays the last one."""
    one = "default_hooks['checkpoint'].update(max_keep_ckpts=1)\n"
    status = train(EPOCHS + one + broken(for_good=11))
    assert 'error: online.weight is not finite after iteration 12' in status
    assert [file.name for file in tmp_path.glob('run/*.pth')] == [last()]
    saved = torch.load(tmp_path / 'run/epoch_1.pth', weights_only=False)
    assert saved['state_dict']['online.weight'].isfinite().all()


def test_a_good_score_does_not_save_them_either(train, seen, tmp_path):
    """Of a validation at which no other checkpoint is due."""
    status = train(RISING + broken(for_good=5))
    assert 'error: online.weight is not finite after iteration 8' in status
    best = [file.name for file in tmp_path.glob('run/*.pth')]
    assert best == ['best_calls_iter_4.pth']
