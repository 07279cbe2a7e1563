"""The picture of matches: its size, its lines and their colours."""

import numpy as np
import pytest
import torch
from PIL import Image

from siameseim.visualization import MatchPanel, draw_matches, spread


def panel(correct):
    views = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    count = len(correct)
    return MatchPanel(
        title='black',
        views=(views[0], views[1]),
        patch_size=8,
        queries=torch.arange(count),
        matches=torch.arange(count),
        correct=torch.tensor(correct),
    )


def share_of(image, colour):
    """Share of pixels within 40 levels of a colour."""
    pixels = torch.from_numpy(np.array(image.convert('RGB'))).int()
    near = (pixels - torch.tensor(colour)).abs().amax(dim=2) < 40
    return near.float().mean().item()


def test_draws_every_match_into_a_picture_of_the_stated_size(tmp_path):
    path = tmp_path / 'matches.png'
    rows = [[panel([True] * 3), panel([False] * 2)]] * 2
    assert draw_matches(rows, path, 'heading') == 10
    with Image.open(path) as image:
        assert image.size == (1000, 540)
        assert image.format == 'PNG'


@pytest.mark.parametrize('correct', [True, False])
def test_correct_matches_are_green_and_wrong_ones_red(tmp_path, correct):
    path = tmp_path / 'matches.png'
    draw_matches([[panel([correct] * 4)]], path)
    image = Image.open(path)
    green, red = (26, 152, 80), (230, 85, 13)
    shown, absent = (green, red) if correct else (red, green)
    assert share_of(image, shown) > 0.002
    assert share_of(image, absent) < 0.0001


def test_views_stand_side_by_side(tmp_path):
    white = torch.full((3, 32, 32), 255, dtype=torch.uint8)
    pair = MatchPanel(
        title='',
        views=(white * 0, white),
        patch_size=8,
        queries=torch.empty(0, dtype=torch.long),
        matches=torch.empty(0, dtype=torch.long),
        correct=torch.empty(0, dtype=torch.bool),
    )
    path = tmp_path / 'matches.png'
    assert draw_matches([[pair]], path) == 0
    image = Image.open(path).convert('L')
    assert image.getpixel((125, 135)) == 0
    assert image.getpixel((375, 135)) == 255


def test_spread_picks_evenly_and_keeps_the_ends():
    candidates = torch.arange(10, 21)
    assert spread(candidates, 3).tolist() == [10, 15, 20]
    assert spread(candidates, 50).equal(candidates)
