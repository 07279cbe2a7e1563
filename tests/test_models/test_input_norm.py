"""The norm between projector and predictor."""

import pytest
import torch
from torch.testing import assert_close

from siameseim.models import SiameseIMNeck
from siameseim.models.position import relative_geometry
from tests.model_fixtures import random_batch, tiny_model


def predict(model, tokens, samples, input_norm):
    predictor = model.neck.predictor
    predictor.input_norm = input_norm
    geometry = relative_geometry(
        samples['boxes'], samples['flips'], samples['source_width']
    )
    return predictor(tokens, samples['visible'], geometry)


def test_tokens_are_normalised_before_their_positions_are_added():
    torch.manual_seed(0)
    model = tiny_model()
    _, samples = random_batch(3)
    visible = samples['visible'].shape[1]
    tokens = 40 * torch.randn(3, 1 + visible, 8) + 7
    mean = tokens.mean(dim=-1, keepdim=True)
    deviation = (tokens - mean).square().mean(dim=-1, keepdim=True).sqrt()
    by_hand = (tokens - mean) / deviation
    assert_close(
        predict(model, tokens, samples, input_norm=True),
        predict(model, by_hand, samples, input_norm=False),
    )


@pytest.mark.parametrize('wanted', [False, True])
def test_the_neck_hands_it_to_its_predictor(wanted):
    neck = SiameseIMNeck(8, 8, 2, 1, 1, grid=4, input_norm=wanted)
    assert neck.predictor.input_norm is wanted
