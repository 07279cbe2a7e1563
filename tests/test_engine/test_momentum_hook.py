"""The target moves once per optimizer step, before the first forward."""

import math
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper

from siameseim.engine import MomentumTargetHook
from siameseim.engine.schedule import target_momentum
from siameseim.errors import InputError


def kept_at(done):
    return 1 - 0.5 * (1 + math.cos(math.pi * done)) * (1 - 0.995)


@pytest.mark.parametrize('accumulation', [1, 3, 4])
def test_once_per_optimizer_step(toy_run, accumulation):
    """12 iterations; with 5 epochs and 4 the last window is not full."""
    epochs = 5 if accumulation == 4 else 2
    model = toy_run(epochs=epochs, accumulation=accumulation).model
    total = 6 * epochs
    assert model.kept == [
        (start, pytest.approx(kept_at(start / total), rel=1e-12))
        for start in range(0, total, accumulation)
    ]


def test_as_many_updates_as_optimizer_steps(toy_run):
    runner = toy_run(epochs=5, accumulation=4)
    steps = {
        int(state['step'])
        for state in runner.optim_wrapper.optimizer.state.values()
    }
    assert steps == {math.ceil(30 / 4)} == {len(runner.model.kept)}


def test_a_wrapper_that_tells_of_no_skipped_steps_is_refused():
    runner = SimpleNamespace(optim_wrapper=OptimWrapper.__new__(OptimWrapper))
    with pytest.raises(InputError, match='optim_wrapper.type=OptimWrapper'):
        MomentumTargetHook().before_train(runner)


def test_it_reaches_a_wrapped_model():
    updates = []
    inner = torch.nn.Linear(1, 1)
    inner.update_target = lambda kept, skipped: updates.append(kept)
    torch.distributed.init_process_group(
        'gloo', store=torch.distributed.HashStore(), rank=0, world_size=1
    )
    try:
        wrapped = torch.nn.parallel.DistributedDataParallel(inner)
        runner = SimpleNamespace(
            iter=0,
            max_iters=10,
            model=wrapped,
            optim_wrapper=SimpleNamespace(accumulation=1, skipped=None),
            message_hub=SimpleNamespace(update_scalar=lambda *_: None),
        )
        MomentumTargetHook().before_train_iter(runner, 0)
    finally:
        torch.distributed.destroy_process_group()
    assert updates == [pytest.approx(0.995)]


def test_a_final_momentum_of_0_makes_the_target_the_online_branch():
    kept = [
        target_momentum(done / 4, base=0.0, final=0.0) for done in range(5)
    ]
    assert kept == [0.0] * 5


def test_between_two_momenta_half_way_is_their_mean():
    assert target_momentum(0.5, base=0.9, final=0.98) == pytest.approx(0.94)


@pytest.mark.parametrize('name', ['base_momentum', 'final_momentum'])
@pytest.mark.parametrize('given', [2, -0.1, 'abc', None])
def test_what_is_no_fraction_is_refused(name, given):
    with pytest.raises(InputError, match=f'{name}={given!r} of Momentum'):
        MomentumTargetHook(**{name: given})
