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
from siameseim.models.norm import layer_norm_fp32
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


@torch.no_grad()
def test_what_is_predicted_is_what_training_predicts():
    torch.manual_seed(0)
    model = tiny_model().eval()
    views, samples = random_batch(3)
    model.loss(views, samples)
    found = predict_view2(model, views[0], samples, samples['visible'])
    torch.testing.assert_close(found, model.step_features.prediction)
    every = torch.arange(16).expand(3, -1)
    torch.testing.assert_close(
        predict_view2(model, views[0], samples),
        predict_view2(model, views[0], samples, every),
    )


def nearest(query, candidates):
    return int(torch.cosine_similarity(query, candidates, dim=-1).argmax())


def loop_shares(prediction, target, asked):
    """Shares of images and of places found, one patch after the other."""
    images = places = 0
    for image, patch in asked:
        there = target[:, patch]
        best = nearest(
            prediction[image, patch] - prediction[:, patch].mean(0),
            there - there.mean(0),
        )
        images += best == image
        best = nearest(prediction[image, patch], target[image])
        rows, columns = best // 6 - patch // 6, best % 6 - patch % 6
        places += max(abs(rows), abs(columns)) <= 1
    return [images / len(asked), places / len(asked)]


def seen_in_view1(samples):
    """Patches of view 2 whose centre is in view 1, by their pixels."""
    asked = []
    for image, ((top1, left1, high1, wide1), box2) in enumerate(
        samples['boxes'].tolist()
    ):
        top2, left2, high2, wide2 = box2
        if samples['flips'][image].sum() == 1:  # view 1 as view 2 sees it
            left1 = float(samples['source_width'][image]) - left1 - wide1
        for patch in range(24):
            y = top2 + (patch // 6 + 0.5) / 4 * high2 - top1
            x = left2 + (patch % 6 + 0.5) / 6 * wide2 - left1
            if 0 < y < high1 and 0 < x < wide1:
                asked.append((image, patch))
    return asked


@torch.no_grad()
def test_scores_are_those_of_a_loop_over_what_view_1_shows():
    """Also with the view 1 of the image that is half a batch away."""
    torch.manual_seed(0)
    model = tiny_model(grid=(4, 6)).train()
    (view1, view2), samples = random_batch(12, grid=(4, 6))
    score = score_predictions(model, [view1, view2], samples)
    model.eval()
    target = layer_norm_fp32(model.target(view2))
    asked = seen_in_view1(samples)
    own, other = (
        loop_shares(predict_view2(model, view, samples), target, asked)
        for view in (view1, torch.cat([view1[6:], view1[:6]]))
    )
    near = [
        (2 if patch // 6 in (0, 3) else 3) * (2 if patch % 6 in (0, 5) else 3)
        for _, patch in asked
    ]
    assert [score.image, score.place] == pytest.approx(own)
    assert [score.image_other, score.place_other] == pytest.approx(other)
    assert score.place_chance == pytest.approx(sum(near) / len(asked) / 24)
    assert score.count == len(asked)
    assert score.image_chance == 1 / 12
    assert len({*own, *other}) == 4  # or a mix-up would not be seen


def test_scoring_leaves_a_model_in_training():
    model = tiny_model().train()
    views, samples = random_batch(4)
    score_predictions(model, views, samples)
    assert all(module.training for module in model.modules())


@pytest.mark.skipif(
    torch.__version__.startswith(('2.6', '2.7', '2.8', '2.9'))
    and not torch.cuda.is_available(),
    reason='this torch asks for a driver where nothing is computed',
)
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
