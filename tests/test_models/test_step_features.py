"""Features that a step leaves for hooks to look at."""

import weakref
from types import SimpleNamespace

import pytest
import torch

from siameseim.errors import InputError
from siameseim.watch.feature_hook import step_features
from tests.model_fixtures import random_batch, tiny_model


def test_they_are_what_the_modules_compute():
    torch.manual_seed(0)
    model = tiny_model().train()
    assert model.step_features is None
    model.update_target(0.9)
    views, samples = random_batch(4)
    model(views, samples, mode='loss')
    features = model.step_features
    with torch.no_grad():
        online = model.backbone(views[0], samples['visible'])
        whole = model.target.backbone.encode(views[1])
        projected = model.target.projector(whole)
    assert torch.equal(features.online, online[:, 1:])
    assert torch.equal(features.target, whole[:, 1:])
    assert torch.equal(features.projected, projected[:, 1:])
    assert features.prediction.shape == (4, 16, 8)
    assert not any(feature.requires_grad for feature in features)


def test_a_loss_of_ones_own_that_leaves_none_is_named():
    runner = SimpleNamespace(model=torch.nn.Linear(1, 1))
    with pytest.raises(InputError, match=r'Linear sets no self.step_features'):
        step_features(runner)


def test_the_prediction_is_what_the_loss_compares():
    model = tiny_model().train()
    model.update_target(0.9)
    seen = {}
    model.head.loss = lambda prediction, target: (
        seen.update(prediction=prediction, projected=target)
        or dict(loss=prediction.sum())
    )
    model(*random_batch(4), mode='loss')
    for name, value in seen.items():
        assert torch.equal(getattr(model.step_features, name), value)


def test_those_of_the_last_step_are_freed_before_the_next():
    model = tiny_model().train()
    model.update_target(0.9)
    model.loss(*random_batch(4))
    last = weakref.ref(model.step_features.prediction)
    freed = []
    model.backbone.register_forward_pre_hook(
        lambda *_: freed.append(last() is None)
    )
    model.loss(*random_batch(4))
    assert freed == [True]
