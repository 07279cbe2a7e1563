"""What arrives at the end of the pipeline, and what is refused there."""

import numpy as np
import pytest
import torch

from siameseim.datasets import PackTwoViews
from siameseim.datasets.pretrain_dataset import PretrainDataset
from siameseim.errors import InputError

GRID = np.array([[1, 0, 0], [1, 1, 0]])


def results(**changes):
    rng = np.random.default_rng(0)
    views = list(rng.integers(0, 256, (2, 8, 12, 3), np.uint8))
    return {
        'views': views,
        'mask': GRID.astype(bool),
        'boxes': np.zeros((2, 4), np.float32),
        'flips': np.zeros(2, bool),
        'source_width': np.float32(12),
        'sample_idx': 0,
        **changes,
    }


@pytest.mark.parametrize('dtype', [bool, np.int64, np.uint8, np.float32])
def test_patches_that_a_mask_leaves_are_numbered_row_by_row(dtype):
    """A stock BEiTMaskGenerator makes int64, whose ~ is never 0."""
    samples = PackTwoViews()(results(mask=GRID.astype(dtype)))['data_samples']
    assert samples['visible'].tolist() == [1, 2, 5]
    assert samples['mask'].dtype == torch.bool
    assert samples['mask'].tolist() == GRID.astype(bool).tolist()


@pytest.mark.parametrize(
    'mask', [2 * GRID, np.ones((2, 3), bool), GRID.ravel()]
)
def test_other_masks_are_refused(mask):
    with pytest.raises(InputError, match='got a mask of .* that hides'):
        PackTwoViews()(results(mask=mask))


def test_pixels_arrive_as_they_are():
    given = results()
    for view, packed in zip(
        given['views'], PackTwoViews()(given)['inputs'], strict=True
    ):
        assert np.array_equal(packed.permute(1, 2, 0).numpy(), view)


@pytest.mark.parametrize(
    'view',
    [
        np.zeros((8, 12, 3), np.float32),
        np.zeros((8, 12), np.uint8),
        np.zeros((8, 12, 4), np.uint8),
    ],
)
def test_views_that_are_no_uint8_rgb_are_refused(view):
    """OpenCV would split them into other planes than those it was given."""
    with pytest.raises(InputError, match=f'a view of {view.dtype}'):
        PackTwoViews()(results(views=[view, view]))


def test_boxes_and_flips_may_be_lists():
    boxes, flips = [(1, 2, 3, 4), (5, 6, 7, 8)], [True, False]
    packed = PackTwoViews()(results(boxes=boxes, flips=flips))
    samples = packed['data_samples']
    assert samples['boxes'].dtype == torch.float32
    assert samples['boxes'].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert samples['flips'].dtype == torch.bool
    assert samples['flips'].tolist() == flips


@pytest.mark.parametrize('missing', ['mask', 'views'])
def test_what_is_missing_is_named_with_the_steps_that_make_it(missing):
    given = results()
    given.pop(missing)
    with pytest.raises(InputError, match=rf"\['{missing}'\].*TwoViews and Bl"):
        PackTwoViews()(given)


def test_a_step_that_returns_nothing_is_named_as_such(folder):
    inner = dict(type='ImageFolder', data_root=str(folder))
    data = PretrainDataset(inner, [lambda results: None])
    with pytest.raises(InputError, match='returned nothing'):
        data[0]
