"""The mask of view 1: exact, block-like, everywhere, and always done."""

import numpy as np
import pytest

from siameseim.datasets import BlockMask
from siameseim.errors import InputError


def draw_many(count: int, rng: np.random.Generator, **settings) -> np.ndarray:
    """Of the paper, which are the defaults, or with other settings."""
    transform = BlockMask(**settings)
    return np.stack([transform.draw(rng) for _ in range(count)])


@pytest.mark.parametrize(
    'grid',
    [(4, 4), (2, 3), (1, 16), (16, 1), (3, 40), (7, 14), (14, 14), (16, 16)],
)
def test_every_count_of_every_grid_ends_and_reaches_all_patches(grid, rng):
    patches = grid[0] * grid[1]
    counts = {1, patches // 3, patches * 5 // 8, patches - 1}
    for num_masked in counts | {15, 16} & {*range(patches)}:
        masks = draw_many(300, rng, grid=grid, num_masked=num_masked)
        assert masks.dtype == bool and masks.shape == (300, *grid)
        assert (masks.sum((1, 2)) == num_masked).all()
        if num_masked > 1:
            assert masks.any(0).all()


def test_borders_are_masked_like_each_other(rng):
    """The stock generator never masks the last row and column."""
    often = draw_many(3000, rng).mean(0)
    assert often.min() > 0.05
    four_sigma = 4 * np.sqrt(2 * 0.25 / 3000)
    for mirrored in (often[::-1], often[:, ::-1], often.T):
        assert np.abs(often - mirrored).max() < four_sigma


def test_masks_are_made_of_blocks(rng):
    """Neighbours agree far more often than in a random mask."""
    masks = draw_many(300, rng)
    agreement = (masks[:, 1:] == masks[:, :-1]).mean()
    share = 118 / 196
    by_chance = share**2 + (1 - share) ** 2
    assert by_chance < 0.53
    assert agreement > 0.85


def test_a_single_block_has_the_allowed_shape(rng):
    """Masks of 16 patches that are one 16-patch block, not 15 and a rest."""
    rectangles = 0
    for mask in draw_many(300, rng, num_masked=16):
        rows, columns = (mask.any(axis).nonzero()[0] for axis in (1, 0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        if height * width == 16:
            rectangles += 1
            assert 0.25 <= height / width <= 4  # 0.3 and 1 / 0.3, rounded
    assert rectangles > 50


def test_long_grids_still_get_blocks(rng):
    """A row of patches is masked in runs, not patch by patch."""
    masks = draw_many(300, rng, grid=(1, 16), num_masked=8)[:, 0]
    runs = 1 + (masks[:, 1:] != masks[:, :-1]).sum(1)
    assert runs.mean() < 6.5  # 8.5 by chance + 1


@pytest.mark.parametrize('num_masked', [-1, 16, 17, 0.6, 9.0])
def test_counts_that_the_grid_cannot_have_are_refused(num_masked):
    with pytest.raises(ValueError, match='from 0 to 15 for a grid of 4 x 4'):
        BlockMask(grid=4, num_masked=num_masked)


def test_a_count_may_be_a_number_of_numpy(rng):
    assert BlockMask(grid=4, num_masked=np.int64(9)).draw(rng).sum() == 9


@pytest.mark.parametrize('setting', [dict(min_aspect=0), dict(min_block=-5)])
def test_blocks_that_cannot_be_drawn_are_refused(setting):
    (said,) = (f'{name}={value} ' for name, value in setting.items())
    with pytest.raises(InputError, match=said):
        BlockMask(**setting)


def test_nothing_masked_leaves_all_visible(rng):
    assert not BlockMask(4, 0).draw(rng).any()


def test_without_blocks_patches_are_masked_independently(rng):
    """Masked neighbours in a row: 56 pairs x 38 x 37 / (64 x 63)."""
    masks = draw_many(400, rng, grid=8, num_masked=38, blocks=False)
    assert {*masks.sum((1, 2))} == {38}
    pairs = (masks[:, :, 1:] & masks[:, :, :-1]).sum((1, 2)).mean()
    assert abs(pairs - 56 * 38 * 37 / (64 * 63)) < 0.6
