"""Two crops, drawn on their image."""

import numpy as np
import torch

from siameseim.evaluation.matching import (
    Matches,
    grid_places,
    match_views,
)
from siameseim.visualization.correspondence import draw
from tests.model_fixtures import random_batch, tiny_model


def drawn(matched, predicted):
    """Axes of the figure of two views of 4 x 4 patches of 4 pixels."""
    _, samples = random_batch(1)
    pixels = [torch.zeros(1, 3, 16, 16, dtype=torch.uint8)] * 2
    source = np.zeros((60, 100, 3), np.uint8)
    return draw(source, pixels, samples, matched, predicted, 0).axes


def all_found_at(patch):
    """Every patch of the first row, found at one of view 2."""
    return Matches(
        places=grid_places((4, 4))[None],
        inside=torch.arange(16)[None] < 4,
        found=torch.full((1, 16), patch),
        grid=(4, 4),
    )


def test_numbers_do_not_hide_each_other_where_all_are_found_at_one_patch():
    axes = drawn(all_found_at(15), all_found_at(0))
    numbers = {t.get_text(): t.get_position() for t in axes[2].texts}
    assert numbers == {'1': (2, 2), '2': (6, 2), '3': (10, 2), '4': (14, 2)}


def test_a_line_leads_from_each_number_to_where_it_was_found():
    axis = drawn(all_found_at(15), all_found_at(0))[2]
    ends = [line.get_xydata()[[0, -1]].tolist() for line in axis.lines]
    for number in axis.texts:
        assert [[*number.get_position()], [14, 14]] in ends


def test_patches_of_view_2_have_no_numbers_to_take_for_those_of_view_1():
    axes = drawn(all_found_at(15), all_found_at(0))
    assert [len(axis.texts) for axis in axes[1:]] == [4, 4, 0]
    rings = [
        [*line.get_xydata()[0]]
        for line in axes[3].lines
        if line.get_markerfacecolor() == 'none'
    ]
    assert rings == [[2, 2], [6, 2], [10, 2], [14, 2]]


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
