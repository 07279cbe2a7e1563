"""What a recorded step refuses, passes on and leaves alone."""

import pytest
import torch
from torch.testing import assert_close

from siameseim.engine import recorded_step
from siameseim.engine.step_graph import replay_steps
from siameseim.errors import InputError
from tests.model_fixtures import random_batch, tiny_model
from tests.replays import different_batches, trained


def test_what_does_not_fit_is_refused_as_ever(replays):
    model = tiny_model().train()
    replay_steps(model)
    views, samples = random_batch(4)
    with pytest.raises(InputError, match='the target branch never moved'):
        model(views, samples, mode='loss')
    del samples['boxes']
    with pytest.raises(InputError, match='data_samples must be a dict with'):
        model(views, samples, mode='loss')


def test_warming_up_leaves_buffers_and_random_numbers_alone():
    model = tiny_model(drop_path_rate=0.5).train()
    model.head.register_buffer('centre', torch.zeros(1))
    before = {k: v.clone() for k, v in model.state_dict().items()}
    model.update_target(1.0)
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    with recorded_step._undone(model):
        model.loss(*random_batch(4))
        model.head.centre += 1
        changed = model.state_dict()
        assert any(not before[k].equal(v) for k, v in changed.items())
        assert not torch.rand(4).equal(expected)
    assert_close(dict(model.state_dict()), before, rtol=0, atol=0)
    assert torch.equal(torch.rand(4), expected)


def test_a_second_backward_pass_is_refused(replays):
    _, model = trained(True, different_batches(1))
    first = model(*random_batch(4), mode='loss')
    with pytest.raises(RuntimeError, match='has one backward pass'):
        first['loss_pos'].backward(retain_graph=True)
        first['loss_neg'].backward()
    first = model(*random_batch(4), mode='loss')
    model(*random_batch(4, seed=1), mode='loss')
    with pytest.raises(RuntimeError, match='before the next forward pass'):
        sum(first.values()).backward()


@pytest.mark.parametrize('zeroed', [None, True, False])
def test_gradients_are_added_to_those_that_are_there(replays, zeroed):
    """Zeroed in place, or not at all, or each step anew."""
    batches, gradients = different_batches(3), []
    for graphs in (False, True):
        _, model = trained(graphs, batches[:1])
        for views, samples in batches:
            if zeroed is not None:
                model.zero_grad(set_to_none=zeroed)
            sum(model(views, samples, mode='loss').values()).backward()
        gradients.append([p.grad for p in model.parameters()])
    assert replays == ['forward', 'backward'] * 4
    assert_close(gradients[1], gradients[0], rtol=1e-4, atol=1e-6)


def with_metric(model, value):
    """A head that also returns what is not minimised, first of all."""
    loss = model.head.loss
    model.head.loss = lambda *args: dict(metric=value, **loss(*args))
    return model


def test_a_metric_of_the_head_is_passed_on(replays):
    model = with_metric(tiny_model().train(), torch.tensor(5.0))
    replay_steps(model)
    model.update_target(0.9)
    losses = model(*random_batch(4), mode='loss')
    assert losses['metric'] == 5 and not losses['metric'].requires_grad
    (losses['loss_pos'] + losses['loss_neg']).backward()
    assert replays == ['forward', 'backward']


def test_a_loss_that_is_no_scalar_is_refused(replays):
    weight = torch.ones(2, requires_grad=True)
    model = with_metric(tiny_model().train(), weight)
    replay_steps(model)
    model.update_target(0.9)
    with pytest.raises(RuntimeError, match='graph.enabled=False goes without'):
        model(*random_batch(4), mode='loss')
