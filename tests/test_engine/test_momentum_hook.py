"""The target moves once per optimizer step, before the first forward."""

import math
from types import SimpleNamespace

import pytest
import torch
from mmengine.optim import OptimWrapper

from siameseim.engine import MomentumTargetHook
from siameseim.errors import InputError


def kept_at(done):
    return 1 - 0.5 * (1 + math.cos(math.pi * done)) * (1 - 0.995)


@pytest.mark.parametrize('accumulation', [1, 3, 4])
def test_once_per_optimizer_step(toy_run, accumulation):
    """12 iterations; with 5 epochs and 4 the last window is not full."""
    epochs = 5 if accumulation == 4 else 2
    runner = toy_run(epochs=epochs, accumulation=accumulation)
    total = 6 * epochs
    assert runner.model.kept == [
        (start, pytest.approx(kept_at(start / total), rel=1e-12))
        for start in range(0, total, accumulation)
    ]
    moments = runner.optim_wrapper.optimizer.state.values()
    steps = {int(state['step']) for state in moments}
    assert steps == {len(runner.model.kept)}


def test_a_wrapper_that_tells_of_no_skipped_steps_is_refused():
    runner = SimpleNamespace(optim_wrapper=OptimWrapper.__new__(OptimWrapper))
    with pytest.raises(InputError, match='optim_wrapper.type=OptimWrapper'):
        MomentumTargetHook().before_train(runner)


def kept_by(hook, iteration, wrap=lambda model: model):
    """The fraction that a hook asks a model to keep, in one of four."""
    updates = []
    model = torch.nn.Linear(1, 1)
    model.update_target = lambda kept, skipped: updates.append(kept)
    runner = SimpleNamespace(
        iter=iteration,
        max_iters=4,
        model=wrap(model),
        optim_wrapper=SimpleNamespace(accumulation=1, skipped=None),
        message_hub=SimpleNamespace(update_scalar=lambda *_: None),
    )
    hook.before_train_iter(runner, 0)
    (kept,) = updates
    return kept


def test_it_reaches_a_wrapped_model():
    torch.distributed.init_process_group(
        'gloo', store=torch.distributed.HashStore(), rank=0, world_size=1
    )
    try:
        wrap = torch.nn.parallel.DistributedDataParallel
        assert kept_by(MomentumTargetHook(), 0, wrap) == pytest.approx(0.995)
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.parametrize(
    ('base', 'final', 'iteration', 'kept'),
    [
        (0.0, 0.0, 0, 0.0),  # the target is the online branch
        (0.0, 0.0, 3, 0.0),
        (0.9, 0.98, 0, 0.9),
        (0.9, 0.98, 2, 0.94),  # half way
    ],
)
def test_other_momenta(base, final, iteration, kept):
    hook = MomentumTargetHook(base, final)
    assert kept_by(hook, iteration) == pytest.approx(kept, rel=1e-12)


@pytest.mark.parametrize('name', ['base_momentum', 'final_momentum'])
@pytest.mark.parametrize('given', [2, -0.1, 'abc', None])
def test_what_is_no_fraction_is_refused(name, given):
    with pytest.raises(InputError, match=f'{name}={given!r} of Momentum'):
        MomentumTargetHook(**{name: given})
