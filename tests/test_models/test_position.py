"""Positions against plain loops and hand-worked cases (method section 3)."""

import math

import pytest
import torch
from torch.testing import assert_close

from siameseim.models.position import (
    grid_sincos,
    patch_coordinates,
    relative_geometry,
)

GRID = (3, 5)


def geometry(box1, box2, flip1=False, flip2=False, width=100.0):
    return relative_geometry(
        torch.tensor([[box1, box2]]),
        torch.tensor([[flip1, flip2]]),
        torch.tensor([width]),
    )


def test_identical_views_give_the_absolute_grid():
    y, x = patch_coordinates(
        geometry([7.0, 9.0, 30.0, 40.0], [7.0, 9.0, 30.0, 40.0]), GRID
    )
    assert_close(y[0], torch.arange(3.0))
    assert_close(x[0], torch.arange(5.0))


def test_a_mirrored_view_of_the_same_region_mirrors_the_columns():
    # the region [20, 60) of a 100 wide image starts at 40 once mirrored
    y, x = patch_coordinates(
        geometry(
            [0.0, 20.0, 30.0, 40.0], [0.0, 40.0, 30.0, 40.0], False, True
        ),
        GRID,
    )
    assert_close(y[0], torch.arange(3.0))
    assert_close(x[0], torch.arange(4.0, -1.0, -1.0))


def test_both_flipped_is_as_none_flipped():
    boxes = [3.0, 5.0, 30.0, 40.0], [10.0, 20.0, 15.0, 25.0]
    plain = geometry(*boxes)
    flipped = geometry(*boxes, True, True)
    for one, other in zip(
        patch_coordinates(plain, GRID),
        patch_coordinates(flipped, GRID),
        strict=True,
    ):
        assert_close(one, other)


def test_a_half_size_crop_covers_half_the_patches():
    # lower right quarter of view 1: centres at 1.25 + 0.5 r on a 3-row grid
    y, x = patch_coordinates(
        geometry([0.0, 0.0, 60.0, 100.0], [30.0, 50.0, 30.0, 50.0]), GRID
    )
    assert_close(y[0], torch.tensor([1.25, 1.75, 2.25]))
    assert_close(x[0], torch.tensor([2.25, 2.75, 3.25, 3.75, 4.25]))


def test_absolute_positions_put_rows_first_and_give_cls_zero():
    positions = grid_sincos((2, 3), dims=8, num_extra_tokens=1)[0]
    assert_close(positions[0], torch.zeros(8))
    row, column = 1, 2
    w = [1.0, 0.01]
    expected = [f(p * k) for p in (row, column) for f in (math.sin, math.cos)
                for k in w]  # fmt: skip
    assert_close(positions[1 + row * 3 + column], torch.tensor(expected))


def test_positions_refuse_a_width_not_divisible_by_four():
    with pytest.raises(ValueError, match='got 6'):
        grid_sincos((2, 2), dims=6)
