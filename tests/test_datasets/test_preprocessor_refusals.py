"""Means, deviations and colour orders that no pretraining is meant to have."""

import pytest

from siameseim.datasets import ViewPreprocessor
from siameseim.errors import InputError
from tests.test_datasets.test_view_preprocessor import MEAN, STD


@pytest.mark.parametrize(
    ('name', 'given'),
    [
        ('mean', [1, 2]),
        ('mean', 5),
        ('mean', ['a', 'b', 'c']),
        ('std', [1, 1, 0]),
        ('std', [0.229, 0.224, 0.225]),  # of pixels in 0 to 1
    ],
)
def test_channels_that_cannot_be_are_refused(name, given):
    numbers = {'mean': MEAN, 'std': STD, name: given}
    with pytest.raises(InputError, match=f'{name}=.*must be three numbers'):
        ViewPreprocessor(**numbers)


@pytest.mark.parametrize('name', ['to_rgb', 'bgr_to_rgb', 'rgb_to_bgr'])
def test_views_in_rgb_are_not_swapped(name):
    """As copied from a config whose images OpenCV read."""
    with pytest.raises(InputError, match=f'^{name}=True .* are RGB already'):
        ViewPreprocessor(mean=MEAN, std=STD, **{name: True})
