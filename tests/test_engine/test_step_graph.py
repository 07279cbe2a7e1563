"""Replayed steps, on a CPU with graphs that run the model once more.

What only a CUDA device can show is in test_models/test_gpu.py.
"""

import copy
import operator

import pytest
import torch
from torch.testing import assert_close

from siameseim.engine.step_graph import replay_steps
from tests.model_fixtures import random_batch
from tests.replays import (
    assert_equal_states,
    different_batches,
    trained,
)


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


def test_only_training_is_replayed(replays):
    _, model = trained(True, different_batches(1))
    with torch.no_grad():
        model(*random_batch(4), mode='loss')
    model.eval()
    model(*random_batch(4), mode='loss')
    assert len(replays) == 2


@pytest.mark.parametrize(
    ('part', 'listen'),
    [
        ('backbone', 'register_forward_hook'),
        ('backbone', 'register_forward_pre_hook'),
        ('backbone.layers.0', 'register_full_backward_hook'),
        ('backbone.layers.0', 'register_full_backward_pre_hook'),
        ('backbone.cls_token', 'register_hook'),
    ],
)
def test_hooks_of_any_kind_are_heard(replays, part, listen):
    _, model = trained(True, different_batches(1))
    heard = []
    owner = operator.attrgetter(part)(model)
    handle = getattr(owner, listen)(lambda *_: heard.append(1))
    sum(model(*random_batch(4), mode='loss').values()).backward()
    assert heard == [1] and len(replays) == 2
    handle.remove()
    sum(model(*random_batch(4), mode='loss').values()).backward()
    assert heard == [1] and len(replays) == 4


def test_other_weights_or_modes_than_recorded_are_not_replayed(replays):
    _, model = trained(True, different_batches(1))
    for change in (
        lambda: model.backbone.patch_embed.requires_grad_(True),
        lambda: model.backbone.patch_embed.requires_grad_(False),
        lambda: model.backbone.eval(),
        lambda: model.backbone.train(),
    ):
        change()
        model.zero_grad()
        sum(model(*random_batch(4), mode='loss').values()).backward()
    assert replays == ['forward', 'backward'] * 3


def test_a_step_that_is_not_finite_changes_nothing(replays):
    good, bad, *_ = different_batches(2)
    bad[0][0][0, 0, 0, 0] = float('nan')
    _, once = trained(True, [good])
    _, model = trained(True, [good, bad])
    assert_equal_states(model.backbone, once.backbone)
    assert_equal_states(model.neck, once.neck)
    assert replays == ['forward', 'backward'] * 3


def test_a_second_run_wraps_the_loss_once(replays):
    _, model = trained(True, different_batches(1))
    replay_steps(model)
    model(*random_batch(4), mode='loss')
    assert len(replays) == 3


def test_a_copy_of_the_model_is_launched(replays):
    _, model = trained(True, different_batches(1))
    copied = copy.deepcopy(model)
    assert 'loss' not in vars(copied) and copied.step_features is None
    copied(*random_batch(4), mode='loss')
    assert len(replays) == 2
