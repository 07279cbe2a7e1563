"""Two processes with half the batch each equal one with all of it."""

from typing import Any

import pytest
import torch
from torch.nn.parallel import DistributedDataParallel
from torch.testing import assert_close

from tests.model_fixtures import random_batch, tiny_model
from tests.two_processes import run_in_two

BATCH = 8


def one_step(rank: int | None, norm: str) -> dict[str, Any]:
    """Loss, gradients and buffers of one step on all or half of a batch."""
    torch.manual_seed(0)
    model = tiny_model(norm).train()
    model.update_target(0.9)
    (view1, view2), samples = random_batch(BATCH)
    network: torch.nn.Module = model
    if rank is not None:
        half = slice(rank * BATCH // 2, (rank + 1) * BATCH // 2)
        view1, view2 = view1[half], view2[half]
        samples = {name: value[half] for name, value in samples.items()}
        network = DistributedDataParallel(model, broadcast_buffers=False)
    losses = network([view1, view2], samples, mode='loss')
    sum(losses.values()).backward()
    return dict(
        losses={k: v.detach() for k, v in losses.items()},
        gradients={
            name: p.grad
            for name, p in model.named_parameters()
            if p.grad is not None
        },
        buffers=dict(model.named_buffers()),
    )


def both_norms(rank: int | None) -> dict[str, Any]:
    """The step with either norm; starting processes is what takes time."""
    return {norm: one_step(rank, norm) for norm in ('BN', 'LN')}


@pytest.fixture(scope='module')
def all_steps():
    """One process's step, and both of two processes'."""
    return both_norms(None), run_in_two(both_norms)


@pytest.fixture(params=['BN', 'LN'])
def steps(request, all_steps):
    whole, ranks = all_steps
    return whole[request.param], [rank[request.param] for rank in ranks]


def test_losses_are_equal_on_average(steps):
    whole, (first, second) = steps
    for name, loss in whole['losses'].items():
        mean = (first['losses'][name] + second['losses'][name]) / 2
        assert_close(mean, loss, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize('rank', [0, 1])
def test_gradients_are_equal(steps, rank):
    whole, ranks = steps
    assert ranks[rank]['gradients'].keys() == whole['gradients'].keys()
    for name, gradient in whole['gradients'].items():
        other = ranks[rank]['gradients'][name]
        error = (other - gradient).norm() / gradient.norm().clamp(min=1e-6)
        assert error < 1e-5, (name, error)


@pytest.mark.parametrize('rank', [0, 1])
def test_batchnorm_statistics_are_equal(steps, rank):
    whole, ranks = steps
    for name, buffer in whole['buffers'].items():
        assert_close(
            ranks[rank]['buffers'][name], buffer, rtol=1e-5, atol=1e-6
        )
