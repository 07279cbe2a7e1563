"""Frozen features: what they are and that taking them changes nothing."""

import torch
from torch.testing import assert_close

from siameseim.evaluation.features import mean_features, patch_features
from tests.vit_fixtures import tiny_vit


def test_equal_to_the_backbone_without_cls_whatever_the_batch_size():
    vit, images = tiny_vit(), torch.randn(5, 3, 16, 16)
    expected = vit.encode(images)[:, 1:].detach()
    assert_close(patch_features(vit, images, batch_size=2), expected)


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


def test_mean_features_are_means_of_patch_features():
    vit, images = tiny_vit(), torch.randn(5, 3, 16, 16)
    expected = patch_features(vit, images).mean(dim=1)
    assert_close(mean_features(vit, images, batch_size=2), expected)
