"""Matching on hand-worked pairs of views.

The grid is 4 x 4 patches, and a source of 100 pixels is 25 pixels a patch
where a view shows all of it.
"""

import pytest
import torch
from torch.testing import assert_close

from siameseim.evaluation import (
    MatchingScore,
    matching_score,
    true_places,
    within_radius,
)
from siameseim.evaluation.matching import grid_places, nearest_patches

GRID = (4, 4)
WHOLE = [0.0, 0.0, 100.0, 100.0]


def places_of(box1, box2, flip1=False, flip2=False):
    samples = dict(
        boxes=torch.tensor([[box1, box2]]),
        flips=torch.tensor([[flip1, flip2]]),
        source_width=torch.tensor([100.0]),
    )
    return true_places(samples, GRID)


def score_of(first, second, places, inside, radius=1.0):
    """Matches by feature; the true ones lie within the radius."""
    true = within_radius(places, GRID, radius)
    return matching_score(true, nearest_patches(first, second), inside)


def one_hot_features():
    """Each of the 16 patches has a feature of its own."""
    return torch.eye(16)[None]


def test_identical_views_lie_on_the_grid_and_all_match():
    places, inside = places_of(WHOLE, WHOLE)
    assert_close(places[0], grid_places(GRID))
    assert inside.all()
    features = one_hot_features()
    score = score_of(features, features, places, inside, 0.0)
    assert score == MatchingScore(1.0, 1 / 16, 1.0, 16)


def test_a_mirrored_view_matches_the_mirrored_column():
    places, inside = places_of(WHOLE, WHOLE, flip2=True)
    assert places[0, 1].tolist() == [0.0, 2.0]  # column 1 of 0..3 becomes 2
    assert inside.all()
    features = one_hot_features()
    mirrored = features.view(1, 4, 4, 16).flip(2).flatten(1, 2)
    score = score_of(features, mirrored, places, inside, 0.0)
    assert score.accuracy == 1.0
    assert score.position == 0.0


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
    score = score_of(
        one_hot_features(), shifted.flatten(1, 2), places, inside, radius=0.0
    )
    assert score == MatchingScore(1.0, 1 / 16, 0.0, 6)


def test_a_crop_of_half_the_size_spreads_patches_two_apart():
    places, inside = places_of(WHOLE, [25.0, 25.0, 50.0, 50.0])
    # Centre of patch (1, 1): pixel 37.5, a quarter into view 2, place 0.5
    assert places[0, 5].tolist() == [0.5, 0.5]
    assert places[0, 6].tolist() == [0.5, 2.5]
    assert inside.sum() == 4


def test_one_patch_off_counts_and_two_do_not():
    places, _ = places_of(WHOLE, WHOLE)
    true = within_radius(places, GRID)[0, 5].view(4, 4)  # patch (1, 1)
    expected = torch.zeros(4, 4, dtype=torch.bool)
    expected[:3, :3] = True
    assert true.equal(expected)


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
    score = score_of(first, second, places, inside)
    assert score.count > 4000
    assert score.accuracy == pytest.approx(score.chance, abs=0.02)


def test_views_that_do_not_overlap_are_an_error():
    places, inside = places_of([0.0, 0, 20, 20], [80.0, 80, 20, 20])
    features = one_hot_features()
    with pytest.raises(ValueError, match='none of the 1 image pairs'):
        score_of(features, features, places, inside)
