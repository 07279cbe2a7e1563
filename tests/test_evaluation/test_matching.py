"""Matching on hand-worked pairs of views.

The grid is 4 x 4 patches, and a source of 100 pixels is 25 pixels a patch
where a view shows all of it.
"""

import math

import pytest
import torch
from torch.testing import assert_close

from siameseim.evaluation.matching import (
    Matches,
    MatchingScore,
    grid_places,
    nearest_patches,
    true_places,
)

GRID = (4, 4)
WHOLE = [0.0, 0.0, 100.0, 100.0]


def places_of(box1, box2, flip1=False, flip2=False):
    samples = dict(
        boxes=torch.tensor([[box1, box2]]),
        flips=torch.tensor([[flip1, flip2]]),
        source_width=torch.tensor([100.0]),
    )
    return true_places(samples, GRID)


def matches_of(places, inside, first, second):
    """Matches by feature."""
    return Matches(places, inside, nearest_patches(first, second), GRID)


def assert_exact(matches):
    """What both views show is found, not only a patch beside it."""
    found = grid_places(GRID)[matches.found]
    assert found[matches.inside].equal(matches.places[matches.inside])


def one_hot_features():
    """Each of the 16 patches has a feature of its own."""
    return torch.eye(16)[None]


# Within one patch of a corner are 4 of 16 patches, of an edge 6, else 9.
CHANCE = (4 * 4 + 8 * 6 + 4 * 9) / 16**2


def test_identical_views_lie_on_the_grid_and_all_match():
    places, inside = places_of(WHOLE, WHOLE)
    assert_close(places[0], grid_places(GRID))
    assert inside.all()
    features = one_hot_features()
    matches = matches_of(places, inside, features, features)
    assert_exact(matches)
    assert matches.score() == MatchingScore(1.0, CHANCE, 1.0, 16)


def test_a_grid_of_more_columns_than_rows():
    samples = dict(
        boxes=torch.tensor([[WHOLE, WHOLE]]),
        flips=torch.zeros(1, 2, dtype=torch.bool),
        source_width=torch.tensor([100.0]),
    )
    expected = [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    assert grid_places((2, 3)).tolist() == expected
    places, inside = true_places(samples, (2, 3))
    assert_close(places[0], torch.tensor(expected).float())
    assert inside.all()


def test_a_mirrored_view_matches_the_mirrored_column():
    places, inside = places_of(WHOLE, WHOLE, flip2=True)
    assert places[0, 1].tolist() == [0.0, 2.0]  # column 1 of 0..3 becomes 2
    assert inside.all()
    features = one_hot_features()
    mirrored = features.view(1, 4, 4, 16).flip(2).flatten(1, 2)
    matches = matches_of(places, inside, features, mirrored)
    assert_exact(matches)
    # columns 1 and 2 are each other's mirror image, one patch apart
    assert matches.score() == MatchingScore(1.0, CHANCE, 0.5, 16)


def test_two_mirrored_views_are_not_mirrored_to_each_other():
    places, inside = places_of(WHOLE, WHOLE, True, True)
    assert_close(places[0], grid_places(GRID))


def test_a_shifted_crop_leaves_some_patches_outside():
    # View 2 starts one patch (25 pixels) below and two to the right.
    places, inside = places_of(WHOLE, [25.0, 50.0, 100.0, 100.0])
    assert places[0, 0].tolist() == [-1.0, -2.0]
    rows, columns = torch.arange(4), torch.arange(4)
    expected = (rows[:, None] >= 1) & (columns >= 2)
    assert inside.view(4, 4).equal(expected)
    shifted = one_hot_features().view(1, 4, 4, 16).roll((-1, -2), (1, 2))
    matches = matches_of(
        places, inside, one_hot_features(), shifted.flatten(1, 2)
    )
    assert_exact(matches)
    # on two columns of three rows, from the corner: 4, 6, 6, 9, 6 and 9 of 16
    chance = pytest.approx(40 / 6 / 16)
    assert matches.score() == MatchingScore(1.0, chance, 0.0, 6)


def test_a_crop_of_half_the_size_spreads_patches_two_apart():
    places, inside = places_of(WHOLE, [25.0, 25.0, 50.0, 50.0])
    # Centre of patch (1, 1): pixel 37.5, a quarter into view 2, place 0.5
    assert places[0, 5].tolist() == [0.5, 0.5]
    assert places[0, 6].tolist() == [0.5, 2.5]
    assert inside.sum() == 4


def test_one_patch_off_counts_and_two_do_not():
    places, inside = (
        x.expand(16, *x.shape[1:]) for x in places_of(WHOLE, WHOLE)
    )
    every = Matches(
        places, inside, torch.arange(16)[:, None].expand(16, 16), GRID
    )
    expected = torch.zeros(4, 4, dtype=torch.bool)
    expected[:3, :3] = True  # around patch (1, 1)
    assert every.correct()[:, 5].view(4, 4).equal(expected)


def test_score_by_hand():
    """Four patches at their own places, the corners; two are not found."""
    places = grid_places(GRID)[None]
    inside = torch.zeros(1, 16, dtype=torch.bool)
    inside[0, [0, 3, 12, 15]] = True
    found = torch.arange(16)[None].clone()
    found[0, [3, 12]] = torch.tensor([12, 3])
    score = Matches(places, inside, found, GRID).score()
    assert score == MatchingScore(0.5, 4 / 16, 1.0, 4)


def test_random_features_match_as_often_as_chance():
    generator = torch.Generator().manual_seed(0)
    count = 2000
    corners = torch.rand(count, 2, 2, generator=generator) * 50
    sizes = torch.rand(count, 2, 2, generator=generator) * 40 + 10
    samples = dict(
        boxes=torch.cat([corners, sizes], dim=-1),
        flips=torch.rand(count, 2, generator=generator) < 0.5,
        source_width=torch.full((count,), 100.0),
    )
    places, inside = true_places(samples, GRID)
    first, second = torch.randn(2, count, 16, 8, generator=generator)
    score = matches_of(places, inside, first, second).score()
    assert score.count > 4000
    assert score.accuracy == pytest.approx(score.chance, abs=0.02)


def test_views_that_do_not_overlap_have_no_score():
    places, inside = places_of([0.0, 0, 20, 20], [80.0, 80, 20, 20])
    features = one_hot_features()
    score = matches_of(places, inside, features, features).score()
    assert score.count == 0 and math.isnan(score.accuracy)


def test_a_patch_whose_centre_is_outside_is_not_asked_for():
    """Patches of 10 pixels, view 2 begins at 7.5: the first centre is at 5."""
    boxes = torch.tensor([[[0.0, 0, 40, 40], [0.0, 7.5, 40, 40]]])
    flips, width = torch.zeros(1, 2, dtype=torch.bool), torch.tensor([90.0])
    samples = dict(boxes=boxes, flips=flips, source_width=width)
    places, inside = true_places(samples, (4, 4))
    columns = places.view(4, 4, 2)[0, :, 1]
    assert columns.tolist() == [-0.75, 0.25, 1.25, 2.25]
    assert inside.view(4, 4).tolist() == [[False, True, True, True]] * 4
