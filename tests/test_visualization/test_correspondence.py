"""Where patches are found in the other view, and how that is drawn."""

import numpy as np
import torch

from siameseim.visualization.correspondence import (
    Correspondence,
    draw,
    find,
    shares,
)
from tests.model_fixtures import random_batch, tiny_model


def identical_views():
    (view, _), samples = random_batch(3)
    samples['boxes'][:, 1] = samples['boxes'][:, 0]
    samples['flips'][:] = False
    samples['visible'] = torch.arange(16).expand(3, -1)
    return [view, view.clone()], samples


def test_identical_views_match_everywhere():
    torch.manual_seed(0)
    found = find(tiny_model().eval(), *identical_views())
    assert found.inside.all() and found.shared.all()
    assert shares(found, (4, 4))['matched'] == 1


def test_shares_by_hand():
    """Four patches at their own places; two are found far away.

    Within one patch of a corner are 4 of 16 patches, of an edge 6, else 9.
    """
    places = torch.tensor([[[0.0, 0], [0, 3], [3, 0], [3, 3]]])
    places = torch.cat([places, torch.zeros(1, 12, 2)], dim=1)
    inside = torch.arange(16)[None] < 4
    matched = torch.zeros(1, 16, dtype=torch.long)
    matched[0, :4] = torch.tensor([0, 3, 3, 0])
    everywhere = torch.ones(1, 16, dtype=torch.bool)
    predicted = torch.arange(16)[None].clone()
    predicted[0, 0] = 15
    found = Correspondence(places, inside, matched, everywhere, predicted)
    result = shares(found, (4, 4))
    assert result == dict(
        matched=0.5,
        predicted=15 / 16,
        matched_chance=4 / 16,
        predicted_chance=(4 * 4 + 8 * 6 + 4 * 9) / 16**2,
    )


def test_boxes_of_mirrored_views_are_drawn_where_they_are_seen():
    views, samples = identical_views()
    samples['boxes'][0] = torch.tensor([[10.0, 5, 30, 20], [10, 5, 30, 20]])
    samples['flips'][0] = torch.tensor([False, True])
    found = find(tiny_model().eval(), views, samples)
    pixels = [(255 * v).byte() for v in views]
    source = np.zeros((60, 100, 3), np.uint8)
    figure = draw(source, pixels, samples, found, 0, (4, 4))
    corners = [patch.get_xy() for patch in figure.axes[0].patches]
    assert corners == [(5, 10), (100 - 5 - 20, 10)]  # no overlap, no third
