"""Frozen features: what they are and that taking them changes nothing."""

import pytest
import torch
from torch.testing import assert_close
from torchvision.transforms import v2

from siameseim.evaluation import features
from siameseim.evaluation.features import (
    central_view,
    cls_and_mean_features,
    mean_features,
    patch_features,
)
from tests.vit_fixtures import tiny_vit


@pytest.fixture(autouse=True)
def two_at_a_time(monkeypatch):
    monkeypatch.setattr(features, '_BATCH', 2)


def test_equal_to_the_backbone_without_cls():
    vit, images = tiny_vit(), torch.randn(5, 3, 16, 16)
    expected = vit.encode(images)[:, 1:].detach()
    assert_close(patch_features(vit, images), expected)


def test_modes_and_batchnorm_buffers_stay_as_they_were():
    vit = tiny_vit().train()
    vit.layers[0].ln1 = torch.nn.Sequential(
        torch.nn.Flatten(0, 1),
        torch.nn.BatchNorm1d(16),
        torch.nn.Unflatten(0, (-1, 17)),
    )
    vit.layers[1].eval()
    before = {name: value.clone() for name, value in vit.state_dict().items()}
    modes = [module.training for module in vit.modules()]
    patch_features(vit, torch.randn(4, 3, 16, 16))
    assert [module.training for module in vit.modules()] == modes
    for name, value in vit.state_dict().items():
        assert value.equal(before[name]), name


@pytest.mark.parametrize('size', [(16, 24), (24, 16)])
def test_a_central_view_is_filled_by_any_image(size):
    white = torch.full((3, 40, 40), 255, dtype=torch.uint8)
    view = v2.Compose(central_view(size))(white)
    assert view.shape == (3, *size)
    assert view.min() == 255


def test_mean_features_are_means_of_patch_features():
    vit, images = tiny_vit(), torch.randn(5, 3, 16, 16)
    expected = patch_features(vit, images).mean(dim=1)
    assert_close(mean_features(vit, images), expected)


@pytest.mark.parametrize('with_cls', [True, False])
def test_the_cls_token_beside_the_mean(with_cls):
    vit = tiny_vit(with_cls_token=with_cls, out_type='featmap')
    images = torch.randn(5, 3, 16, 16)
    mean = mean_features(vit, images)
    cls = vit.encode(images)[:, 0].detach() if with_cls else mean
    expected = torch.cat([cls, mean], dim=1)
    assert_close(cls_and_mean_features(vit, images), expected)
