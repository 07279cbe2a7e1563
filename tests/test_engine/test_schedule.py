"""Learning rate against a formula written out here."""

import math

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmpretrain.registry import HOOKS

from siameseim.engine import AutocastOptimWrapper, WarmupCosineLR
from siameseim.engine.schedule import warmup_cosine


def make_wrapper(accumulation=1, lr=2.0):
    parameter = torch.nn.Parameter(torch.zeros(3))
    return AutocastOptimWrapper(
        optimizer=torch.optim.AdamW([parameter], lr=lr),
        accumulative_counts=accumulation,
    )


def make_scheduler(wrapper, epochs=10):
    return WarmupCosineLR.build_iter_from_epoch(
        wrapper, warmup=2, end=epochs, epoch_length=7
    )


def rate(wrapper):
    return wrapper.optimizer.param_groups[0]['lr']


def run_to(wrapper, scheduler, iteration):
    while scheduler.last_step < iteration:
        wrapper.step()
        scheduler.step()
    return rate(wrapper)


@pytest.mark.parametrize('iteration', [0, 1, 5, 13, 14, 15, 42, 69])
def test_rate_at_an_iteration(iteration):
    wrapper = make_wrapper()
    scheduler = make_scheduler(wrapper)
    if iteration < 14:
        expected = 2.0 * iteration / 14
    else:
        expected = 1 + math.cos(math.pi * (iteration - 14) / 56)
    found = run_to(wrapper, scheduler, iteration)
    assert found == pytest.approx(expected, rel=1e-12, abs=0)


@HOOKS.register_module()
class NoteRates(Hook):
    """Keeps the rate of each iteration."""

    def before_train_iter(self, runner, *args, **kwargs):
        runner.model.rates = getattr(runner.model, 'rates', [])
        runner.model.rates.append(rate(runner.optim_wrapper))


def test_the_rate_of_a_run_moves_at_each_iteration(toy_run):
    runner = toy_run(epochs=2, hooks=[dict(type='NoteRates')])
    expected = [0.01 * warmup_cosine(i, 3, 12) for i in range(12)]
    assert runner.model.rates == pytest.approx(expected)


def test_a_warm_up_in_parts_of_an_epoch_is_rounded_to_iterations():
    """0.29 * 100 is 28.999999999999996 in floating point."""
    scheduler = WarmupCosineLR.build_iter_from_epoch(
        make_wrapper(), warmup=0.29, end=1, epoch_length=100
    )
    assert scheduler.warmup == 29


def test_all_iterations_of_a_window_use_the_rate_of_its_first():
    wrapper = make_wrapper(accumulation=3)
    scheduler = make_scheduler(wrapper)
    rates = [run_to(wrapper, scheduler, i) for i in range(12)]
    assert rates == pytest.approx(
        [2.0 * start / 14 for start in (0, 3, 6, 9) for _ in range(3)]
    )


@pytest.mark.parametrize('iteration', [5, 30])
def test_rate_after_resume_is_bitwise_the_same(iteration):
    straight = make_wrapper()
    scheduler = make_scheduler(straight)
    run_to(straight, scheduler, iteration)
    resumed = make_wrapper()
    fresh = make_scheduler(resumed)
    fresh.load_state_dict(scheduler.state_dict())
    assert rate(resumed) == rate(straight)
    assert run_to(resumed, fresh, 60) == run_to(straight, scheduler, 60)


def test_resume_with_a_longer_run_follows_the_new_length():
    old = make_scheduler(make_wrapper())
    resumed = make_wrapper()
    longer = make_scheduler(resumed, epochs=20)
    old_wrapper = old.optimizer
    run_to(old_wrapper, old, 35)
    longer.load_state_dict(old.state_dict())
    assert rate(resumed) == 2 * warmup_cosine(35, 14, 140)


def test_warmup_longer_than_the_run_is_refused_with_a_cure():
    with pytest.raises(ValueError, match='max_epochs'):
        make_scheduler(make_wrapper(), epochs=2)


def test_a_run_of_one_step_at_rate_zero_is_refused_with_a_cure():
    with pytest.raises(ValueError, match='accumulative_counts=70'):
        make_scheduler(make_wrapper(accumulation=70))
    make_scheduler(make_wrapper(accumulation=69))


def test_a_window_before_the_first_step_is_not_warned_about(recwarn):
    """The scheduler moves at each iteration, the optimizer at the third."""
    scheduler = make_scheduler(make_wrapper(accumulation=3))
    for _ in range(2):
        scheduler.step()
    assert [str(warning.message) for warning in recwarn] == []


def test_works_with_a_stock_wrapper():
    parameter = torch.nn.Parameter(torch.zeros(3))
    wrapper = OptimWrapper(torch.optim.SGD([parameter], lr=1.0))
    scheduler = make_scheduler(wrapper)
    assert run_to(wrapper, scheduler, 7) == pytest.approx(0.5)
