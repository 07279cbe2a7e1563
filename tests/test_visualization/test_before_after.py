"""The picture of what training changed."""

import numpy as np
import torch
from PIL import Image

from siameseim.evaluation.held_out import RecognisedViews
from siameseim.evaluation.matching import Matches, grid_places
from siameseim.visualization import draw_before_after
from siameseim.visualization.before_after import typical_pairs


def matched(numbers_correct):
    """Pairs of 16 patches, of which so many are matched correctly."""
    count = len(numbers_correct)
    numbers = torch.tensor(numbers_correct)[:, None]
    own = torch.arange(16)  # the right finds; the wrong ones are far away
    matches = Matches(
        places=grid_places((4, 4)).expand(count, -1, -1),
        inside=torch.ones(count, 16, dtype=torch.bool),
        found=torch.where(own < numbers, own, (own + 8) % 16),
        grid=(4, 4),
    )
    views = torch.zeros(2, count, 3, 32, 32, dtype=torch.uint8)
    return RecognisedViews(views, own.expand(count, -1), matches)


def test_pairs_are_a_good_a_typical_and_a_poor_one():
    assert typical_pairs(matched([0, 16, 4, 8, 12]).matches) == [4, 3, 2]


def test_pairs_that_hardly_overlap_are_not_shown():
    pairs = matched([0, 16, 4, 8, 12, 16]).matches
    pairs.inside[5, 5:] = False
    assert 5 not in typical_pairs(pairs)


def test_writes_three_rows_of_two_panels(tmp_path):
    path = tmp_path / 'matches.png'
    figure = draw_before_after(matched([1, 2, 3]), matched([4, 5, 6]))
    assert [len(axis.lines) for axis in figure.axes] == [14] * 6
    figure.savefig(path)
    with Image.open(path) as image:
        assert image.size == (1000, 810)
        assert image.format == 'PNG'


def share_of(pixels, colour):
    """Share of (H, W, 3) pixels within 40 levels of a colour."""
    near = np.abs(pixels.astype(int) - colour).max(axis=2) < 40
    return near.mean()


def test_correct_matches_are_green_and_wrong_ones_red(tmp_path):
    """All wrong before training, all correct after it."""
    path = tmp_path / 'matches.png'
    draw_before_after(matched([0] * 3), matched([16] * 3)).savefig(path)
    with Image.open(path) as image:
        left, right = np.split(np.array(image.convert('RGB')), 2, axis=1)
    green, red = (26, 152, 80), (230, 85, 13)
    for half, shown, absent in ((left, red, green), (right, green, red)):
        assert share_of(half, shown) > 0.002
        assert share_of(half, absent) < 0.0001


def test_views_stand_side_by_side(tmp_path):
    """A black and a white one, and no match."""
    pairs = matched([0] * 3)
    pairs.views[1] = 255
    pairs.matches.inside[:] = False
    path = tmp_path / 'matches.png'
    figure = draw_before_after(pairs, pairs)
    assert not any(axis.lines for axis in figure.axes)
    figure.savefig(path)
    with Image.open(path) as image:
        grey = image.convert('L')
    for y in (170, 425, 680):
        views = [grey.getpixel((x, y)) for x in (125, 380, 620, 875)]
        assert views == [0, 255, 0, 255]
