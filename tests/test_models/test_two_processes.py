"""Two processes with half the batch each equal one with all of it."""

from contextlib import nullcontext
from typing import Any

import pytest
import torch
from torch._dynamo.utils import counters
from torch.nn.parallel import DistributedDataParallel
from torch.testing import assert_close

from siameseim.engine.compile_hook import compile_blocks
from tests.model_fixtures import random_batch, step_results, tiny_model
from tests.two_processes import run_in_two
from tests.waits import WaitsSeen

BATCH = 8


def one_step(
    rank: int | None, norm: str, compiled: bool = False
) -> dict[str, Any]:
    """Loss, gradients and buffers of one step on all or half of a batch."""
    torch.manual_seed(0)
    model = tiny_model(norm).train()
    if compiled:
        compile_blocks(model, backend='aot_eager')
    model.update_target(0.9)
    (view1, view2), samples = random_batch(BATCH)
    network: torch.nn.Module = model
    if rank is not None:
        half = slice(rank * BATCH // 2, (rank + 1) * BATCH // 2)
        view1, view2 = view1[half], view2[half]
        samples = {name: value[half] for name, value in samples.items()}
        network = DistributedDataParallel(model, broadcast_buffers=False)
    with WaitsSeen() if not compiled else nullcontext() as seen:
        losses = network([view1, view2], samples, mode='loss')
        results = step_results(model, losses)
    return dict(waits=seen.waits if seen else [], **results)


def both_norms(rank: int | None) -> dict[str, Any]:
    """The step with either norm; starting processes is what takes time."""
    steps = {norm: one_step(rank, norm) for norm in ('BN', 'LN')}
    if rank is not None:
        steps['BN compiled'] = one_step(rank, 'BN', compiled=True)
        steps['graphs broken'] = dict(counters['graph_break'])
    return steps


@pytest.fixture(scope='module')
def all_steps():
    """One process's step, and both of two processes'."""
    return both_norms(None), run_in_two(both_norms)


@pytest.fixture(params=['BN', 'LN', 'BN compiled'])
def steps(request, all_steps):
    whole, ranks = all_steps
    norm = request.param.split()[0]
    return whole[norm], [rank[request.param] for rank in ranks]


@pytest.mark.parametrize('norm', ['BN', 'LN'])
def test_a_device_would_not_keep_the_host_waiting(all_steps, norm):
    _, ranks = all_steps
    assert [rank[norm]['waits'] for rank in ranks] == [[], []]


@pytest.mark.skipif(
    torch.__version__.startswith('2.6'),
    reason='torch 2.6 breaks the graph at a process group',
)
@pytest.mark.parametrize('rank', [0, 1])
def test_a_compiled_block_with_batchnorm_is_one_graph(all_steps, rank):
    _, ranks = all_steps
    assert ranks[rank]['graphs broken'] == {}


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
    ours, expected = ranks[rank]['buffers'], whole['buffers']
    assert_close(ours, expected, rtol=1e-5, atol=1e-6)
