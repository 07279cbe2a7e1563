"""Stands in for CUDA graphs where there is none."""

from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from torch.testing import assert_close

from siameseim.engine import AutocastOptimWrapper, recorded_step
from siameseim.engine.recorded_step import RecordedStep
from siameseim.engine.step_graph import replay_steps
from tests.model_fixtures import random_batch, tiny_model


@pytest.fixture
def replays(monkeypatch):
    """Stands in for CUDA graphs; the list of replays."""
    done = []
    enabled = torch.enable_grad()

    @enabled
    def forward(step):
        step.kept = step._run()
        for static, loss in zip(step.losses, step.kept.values(), strict=True):
            static.copy_(loss.detach())
        seen = step._model.step_features
        for static, feature in zip(step._features, seen, strict=True):
            static.copy_(feature)
        for static in filter(torch.is_tensor, step.gradients):
            static.fill_(float('nan'))  # it may lie in memory of this pass
        done.append('forward')

    @enabled
    def backward(step):
        new = step._differentiate(step.kept, step.scale)
        for static, gradient in zip(step.gradients, new, strict=True):
            if gradient is not None:
                static.copy_(gradient)
        done.append('backward')

    capture = RecordedStep._capture

    def captured(step):
        with recorded_step._undone(
            step._model
        ):  # a recorded graph did not run
            capture(step)
        step.forward.replay = lambda: forward(step)
        step.backward.replay = lambda: backward(step)

    stream = SimpleNamespace(wait_stream=lambda _: None)
    for name, value in dict(
        Stream=lambda: stream,
        current_stream=lambda: stream,
        stream=lambda _: nullcontext(),
        graph=lambda *_, **__: nullcontext(),
        CUDAGraph=lambda: SimpleNamespace(pool=lambda: None),
    ).items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(RecordedStep, '_capture', captured)
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
    return losses, model


def different_batches(count, size=4):
    batches = []
    for seed in range(count):
        torch.manual_seed(seed)
        batches.append(random_batch(size))
        batches[-1][0][:] = [torch.randn_like(v) for v in batches[-1][0]]
    return batches


def assert_equal_states(ours, others):
    ours, others = ours.state_dict(), others.state_dict()
    assert_close(ours, others, rtol=1e-5, atol=1e-6)
