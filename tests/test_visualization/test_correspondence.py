"""Two crops, drawn on their image."""

import numpy as np
import torch

from siameseim.evaluation.matching import match_views
from siameseim.visualization.correspondence import draw
from tests.model_fixtures import random_batch, tiny_model


def test_boxes_of_mirrored_views_are_drawn_where_they_are_seen():
    views, samples = random_batch(3)
    samples['boxes'][0] = torch.tensor([[10.0, 5, 30, 20], [10, 5, 30, 20]])
    samples['flips'][0] = torch.tensor([False, True])
    found = match_views(tiny_model().backbone, views, samples)
    pixels = [(255 * v).byte() for v in views]
    source = np.zeros((60, 100, 3), np.uint8)
    figure = draw(source, pixels, samples, found, found, 0)
    corners = [patch.get_xy() for patch in figure.axes[0].patches]
    assert corners == [(5, 10), (100 - 5 - 20, 10)]  # no overlap, no third
