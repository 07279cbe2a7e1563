"""The picture of what training changed."""

import torch
from PIL import Image

from siameseim.evaluation import MatchedViews
from siameseim.visualization import draw_before_after
from siameseim.visualization.before_after import typical_pairs


def matched(numbers_correct):
    """Pairs of 16 patches, of which so many are matched correctly."""
    count = len(numbers_correct)
    numbers = torch.tensor(numbers_correct)[:, None]
    return MatchedViews(
        views=torch.zeros(2, count, 3, 32, 32, dtype=torch.uint8),
        queries=torch.arange(16).expand(count, -1),
        inside=torch.ones(count, 16, dtype=torch.bool),
        matches=torch.arange(16).expand(count, -1),
        correct=torch.arange(16) < numbers,
    )


def test_pairs_are_a_good_a_typical_and_a_poor_one():
    assert typical_pairs(matched([0, 16, 4, 8, 12])) == [4, 3, 2]


def test_pairs_that_hardly_overlap_are_not_shown():
    pairs = matched([0, 16, 4, 8, 12, 16])
    pairs.inside[5, 5:] = False
    assert 5 not in typical_pairs(pairs)


def test_writes_three_rows_of_two_panels(tmp_path):
    path = tmp_path / 'matches.png'
    drawn = draw_before_after(matched([1, 2, 3]), matched([4, 5, 6]), path)
    assert drawn == 3 * 2 * 14
    with Image.open(path) as image:
        assert image.size == (1000, 810)
