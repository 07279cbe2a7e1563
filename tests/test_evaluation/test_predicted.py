"""Predicted patches recognised: hand-worked cases and an untrained network."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from siameseim.evaluation.matching import match_predictions
from siameseim.evaluation.predicted import (
    found_image,
    predict_view2,
    score_predictions,
)
from tests.model_fixtures import random_batch, tiny_model


def found_place(prediction, target):
    _, samples = random_batch(len(target))
    return match_predictions(prediction, target, samples, (4, 4)).correct()


def test_perfect_predictions_find_image_and_place():
    torch.manual_seed(0)
    target = torch.randn(5, 16, 32)
    assert found_image(target, target).all()
    assert found_place(target, target).all()


def test_the_right_image_is_found_by_content_not_by_place():
    """One feature per place, shared by all images, finds no image."""
    torch.manual_seed(0)
    by_place = torch.randn(1, 16, 32).expand(8, -1, -1)
    target = by_place + 0.1 * torch.randn(8, 16, 32)
    assert found_place(by_place, target).all()
    assert found_image(by_place, target).float().mean() < 0.3


def test_a_swapped_pair_of_images_is_not_found():
    torch.manual_seed(0)
    target = torch.randn(4, 16, 32)
    found = found_image(target[[1, 0, 2, 3]], target)
    assert found.float().mean(dim=1).tolist() == [0, 0, 1, 1]


def test_an_untrained_network_answers_at_chance():
    torch.manual_seed(0)
    model = tiny_model().train()
    (view1, view2), samples = random_batch(64)
    score = score_predictions(model, [view1, view2], samples)
    assert score.image_chance == 1 / 64
    assert score.image == pytest.approx(1 / 64, abs=0.03)
    assert score.count > 100 and model.training


def test_a_network_on_a_gpu_predicts_from_places_on_the_cpu():
    """With tensors that have no values, but devices that must agree."""
    model = tiny_model().eval()
    (view1, _), samples = random_batch(3)
    with FakeTensorMode(allow_non_fake_inputs=True) as mode:
        for tensors in (model._parameters, model._buffers):
            assert not tensors
        for module in model.modules():
            for name, value in module._parameters.items():
                fake = mode.from_tensor(value).to('cuda')
                module._parameters[name] = torch.nn.Parameter(fake, False)
            for name, value in module._buffers.items():
                module._buffers[name] = mode.from_tensor(value).to('cuda')
        samples = {name: mode.from_tensor(v) for name, v in samples.items()}
        found = predict_view2(model, mode.from_tensor(view1).cuda(), samples)
    assert found.shape == (3, 16, 8) and found.device.type == 'cpu'
