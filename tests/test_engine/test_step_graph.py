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
from siameseim.errors import InputError
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
        seen = graph._model.step_features
        for static, feature in zip(graph._features, seen, strict=True):
            static.copy_(feature)
        done.append('forward')

    def backward(graph):
        new = graph._differentiate(graph.kept, graph._scale)
        for static, gradient in zip(graph._gradients, new, strict=True):
            if gradient is not None:
                static.copy_(gradient)
        done.append('backward')

    record = step_graph._StepGraph._record

    def recorded(graph):
        with undone(graph._model):  # a recorded graph did not run
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
    return losses, model


def different_batches(count, size=4):
    batches = []
    for seed in range(count):
        torch.manual_seed(seed)
        batches.append(random_batch(size))
        batches[-1][0][:] = [torch.randn_like(v) for v in batches[-1][0]]
    return batches


def assert_equal_states(ours, others):
    for name, value in others.state_dict().items():
        assert_close(ours.state_dict()[name], value, rtol=1e-5, atol=1e-6)


def test_steps_are_replayed_to_the_same_weights(replays):
    batches = different_batches(4)
    expected, eager = trained(False, batches)
    losses, model = trained(True, batches)
    assert replays == ['forward', 'backward'] * 4
    assert_close(losses, expected)  # each its own, not that of the last step
    assert_equal_states(model, eager)


def test_a_batch_of_another_size_is_not_replayed(replays):
    batches = [*different_batches(2), *different_batches(1, size=2)]
    expected, eager = trained(False, [*batches, batches[0]])
    losses, model = trained(True, [*batches, batches[0]])
    assert replays == ['forward', 'backward'] * 3
    assert_close(losses, expected)
    assert_equal_states(model, eager)
    assert_close([*model.step_features], [*eager.step_features])


def test_a_batch_with_other_tensors_is_not_replayed(replays):
    (views, samples), more = different_batches(2)
    more[1]['sample_idx'] = torch.arange(4)
    _, model = trained(True, [(views, samples), more])
    assert len(replays) == 2


def test_a_module_with_a_listener_is_not_replayed(replays):
    _, model = trained(True, different_batches(1))
    heard = []
    handle = model.backbone.register_forward_hook(lambda *_: heard.append(1))
    model(*random_batch(4), mode='loss')
    assert heard == [1] and len(replays) == 2
    handle.remove()
    model(*random_batch(4), mode='loss')
    assert heard == [1] and len(replays) == 3


def test_only_training_is_replayed(replays):
    _, model = trained(True, different_batches(1))
    with torch.no_grad():
        model(*random_batch(4), mode='loss')
    model.eval()
    model(*random_batch(4), mode='loss')
    assert len(replays) == 2


def test_what_does_not_fit_is_refused_as_ever(replays):
    model = tiny_model().train()
    replay_steps(model)
    views, samples = random_batch(4)
    with pytest.raises(InputError, match='the target branch never moved'):
        model(views, samples, mode='loss')
    del samples['boxes']
    with pytest.raises(InputError, match='data_samples must be a dict with'):
        model(views, samples, mode='loss')


def test_warming_up_leaves_statistics_and_random_numbers_alone():
    model = tiny_model().train()
    before = {k: v.clone() for k, v in model.state_dict().items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.cuda, 'current_device', lambda: 0)
        patch.setattr(torch.random, 'fork_rng', lambda devices: nullcontext())
        with step_graph._undone(model):
            model.update_target(1.0)
            model.loss(*random_batch(4))
            changed = model.state_dict()
            assert any(not before[k].equal(v) for k, v in changed.items())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name]), name
