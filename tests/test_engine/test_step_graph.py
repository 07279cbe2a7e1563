"""Replayed steps, on a CPU with graphs that run the model once more.

What only a CUDA device can show is in test_models/test_gpu.py.
"""

from contextlib import contextmanager, nullcontext
from types import SimpleNamespace

import pytest
import torch
from torch.testing import assert_close

from siameseim.engine import AutocastOptimWrapper, step_graph
from siameseim.engine.step_graph import replay_steps
from tests.model_fixtures import random_batch, tiny_model


@pytest.fixture
def replays(monkeypatch):
    """Stands in for CUDA graphs; the list of replays."""
    done = []

    def forward(graph):
        graph.kept = graph._run()
        for static, loss in zip(
            graph._losses, graph.kept.values(), strict=True
        ):
            static.copy_(loss.detach())
        done.append('forward')

    def backward(graph):
        new = graph._differentiate(graph.kept, graph._scale)
        for static, gradient in zip(graph._gradients, new, strict=True):
            if gradient is not None:
                static.copy_(gradient)
        done.append('backward')

    record = step_graph._StepGraph._record

    def recorded(graph):
        record(graph)
        graph._forward.replay = lambda: enabled(forward, graph)
        graph._backward.replay = lambda: enabled(backward, graph)

    def enabled(run, graph):
        with torch.enable_grad():
            run(graph)

    @contextmanager
    def undone(model):
        state = {k: v.clone() for k, v in model.state_dict().items()}
        yield
        model.load_state_dict(state)

    for name, value in dict(
        Stream=lambda: SimpleNamespace(wait_stream=lambda _: None),
        current_stream=lambda: SimpleNamespace(wait_stream=lambda _: None),
        stream=lambda _: nullcontext(),
        graph=lambda *_, **__: nullcontext(),
        CUDAGraph=lambda: SimpleNamespace(pool=lambda: None),
    ).items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(step_graph._StepGraph, '_record', recorded)
    monkeypatch.setattr(step_graph, '_undone', undone)
    return done


def trained(graphs, batches):
    """Losses of some steps, and the weights after them."""
    torch.manual_seed(0)
    model = tiny_model().train()
    if graphs:
        replay_steps(model)
    parameters = [p for p in model.parameters() if p.requires_grad]
    wrapper = AutocastOptimWrapper(
        optimizer=torch.optim.AdamW(parameters, lr=1e-3),
        clip_grad=dict(max_norm=0.1),
        precision='fp32',
    )
    losses = []
    for views, samples in batches:
        model.update_target(0.9)
        with wrapper.optim_context(model):
            parts = model(views, samples, mode='loss')
        wrapper.update_params(sum(parts.values()))
        losses.append(parts['loss_pos'].detach())
    return losses, dict(model.named_parameters()), model


def different_batches(count, size=4):
    batches = []
    for seed in range(count):
        torch.manual_seed(seed)
        batches.append(random_batch(size))
        batches[-1][0][:] = [torch.randn_like(v) for v in batches[-1][0]]
    return batches


def test_steps_are_replayed_to_the_same_weights(replays):
    batches = different_batches(4)
    expected, weights, _ = trained(False, batches)
    losses, ours, _ = trained(True, batches)
    assert replays == ['forward', 'backward'] * 4
    assert_close(losses, expected)  # each its own, not that of the last step
    for name, value in weights.items():
        assert_close(ours[name], value, rtol=1e-5, atol=1e-6)
