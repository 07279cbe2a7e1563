"""Crops and flips: distribution and pixels of torchvision and Pillow."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import ks_2samp
from torchvision.transforms import RandomResizedCrop

from siameseim.datasets import SourceImage, TwoViews, draw_crop
from siameseim.errors import InputError

DRAWS = 2500
AREA, ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)
# Kolmogorov-Smirnov distance that two samples of DRAWS values from one
# distribution exceed once in 10,000 times.
LIMIT = math.sqrt(-math.log(1e-4 / 2) / DRAWS)


def statistics(boxes: np.ndarray, height: int, width: int) -> dict:
    y, x, h, w = boxes.T
    return {
        'area': h * w / (height * width),
        'log aspect': np.log(w / h),
        'centre y': (y + h / 2) / height,
        'centre x': (x + w / 2) / width,
    }


def torchvision_boxes(
    height: int, width: int, aspect: tuple[float, float]
) -> np.ndarray:
    torch.manual_seed(0)
    image = torch.zeros(3, height, width)
    return np.array(
        [
            RandomResizedCrop.get_params(image, AREA, aspect)
            for _ in range(DRAWS)
        ]
    )


@pytest.mark.parametrize(
    ('size', 'aspect'),
    [
        ((375, 500), ASPECT),
        ((333, 250), ASPECT),
        ((32, 32), ASPECT),
        ((40, 400), ASPECT),
        ((300, 30), ASPECT),
        ((300, 300), (1 / 2, 3)),  # whose logarithms are not symmetric
    ],
)
def test_crops_are_distributed_as_torchvision_draws_them(size, aspect, rng):
    boxes = [draw_crop(*size, AREA, aspect, rng) for _ in range(DRAWS)]
    ours = statistics(np.array(boxes), *size)
    theirs = statistics(torchvision_boxes(*size, aspect), *size)
    for name, values in ours.items():
        distance = ks_2samp(values, theirs[name]).statistic
        assert distance < LIMIT, name


@pytest.mark.parametrize('size', [(1, 1), (1, 5000), (5000, 1), (3, 2)])
def test_crops_of_tiny_sides_lie_within_the_image(size, rng):
    for _ in range(100):
        y, x, h, w = draw_crop(*size, AREA, ASPECT, rng)
        assert min(y, x) >= 0 and min(h, w) >= 1
        assert y + h <= size[0] and x + w <= size[1]


def test_half_of_the_views_are_flipped_independently(photo, rng):
    transform = TwoViews(size=4)
    small = photo.resize((16, 16))
    flips = np.array(
        [
            transform(dict(source=SourceImage(small), rng=rng))['flips']
            for _ in range(DRAWS)
        ]
    )
    four_sigma = 4 * 0.5 / math.sqrt(DRAWS)
    assert abs(flips.mean(0) - 0.5).max() < four_sigma
    assert abs((flips[:, 0] == flips[:, 1]).mean() - 0.5) < four_sigma


@pytest.mark.parametrize('size', [64, (48, 80)])
def test_pixels_are_those_of_pillow_flip_then_crop_then_resize(
    size, coffee, rng
):
    transform = TwoViews(size=size)
    height, width = (size, size) if isinstance(size, int) else size
    seen = set()
    for _ in range(20):
        out = transform(dict(source=SourceImage(coffee), rng=rng))
        for view, box, flip in zip(
            out['views'], out['boxes'], out['flips'], strict=True
        ):
            y, x, h, w = map(int, box)
            image = coffee
            if flip:
                image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
            image = image.crop((x, y, x + w, y + h))
            image = image.resize((width, height), Image.Resampling.BICUBIC)
            difference = np.abs(view.astype(int) - np.asarray(image))
            assert view.shape == (height, width, 3)
            assert difference.mean() < 0.3
            assert (difference > 1).mean() < 0.005
            seen.add(bool(flip))
    assert seen == {True, False}


def test_flipping_the_small_view_equals_flipping_the_image(coffee):
    """The same region of the mirrored image, to the last bit."""
    mirrored = coffee.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for seed in range(20):
        flipped, plain = (
            TwoViews(size=64, flip_prob=prob)(
                dict(
                    source=SourceImage(image), rng=np.random.default_rng(seed)
                )
            )
            for prob, image in ((1.0, coffee), (0.0, mirrored))
        )
        np.testing.assert_array_equal(flipped['boxes'], plain['boxes'])
        np.testing.assert_array_equal(flipped['views'], plain['views'])


def test_no_view_is_enlarged_after_a_reduced_decoding(rng):
    """Half of 128 rows are the 64 wanted, of 512 columns more than 32."""
    asked = []

    def decode(reduction):
        asked.append(reduction)
        return np.zeros((128 // reduction, 512 // reduction, 3), np.uint8)

    source = SimpleNamespace(
        height=128, width=512, max_reduction=8, decode=decode
    )
    transform = TwoViews(size=(64, 32), area=(1, 1), aspect=(4, 4))
    transform(dict(source=source, rng=rng))
    assert asked == [2]


def test_a_shared_crop_makes_equal_views(photo, rng):
    results = TwoViews(size=32, shared_crop=True).transform(
        {'source': SourceImage(photo), 'rng': rng}
    )
    assert np.array_equal(*results['views'])
    assert np.array_equal(*results['boxes'])
    assert results['flips'][0] == results['flips'][1]


def test_a_single_view_is_a_crop_of_its_box(photo, rng):
    results = TwoViews(size=32, num_views=1, flip_prob=0).transform(
        {'source': SourceImage(photo), 'rng': rng}
    )
    (view,), (box,) = results['views'], results['boxes'].astype(int)
    y, x, h, w = box
    region = photo.crop((x, y, x + w, y + h))
    wanted = np.asarray(region.resize((32, 32), Image.Resampling.BICUBIC))
    assert np.abs(view.astype(int) - wanted).mean() < 2


@pytest.mark.parametrize(
    ('name', 'given'),
    [
        ('area', 0.9),
        ('area', (1.0, 0.5)),
        ('area', (0.9, 2.0)),
        ('area', (0.0, 1.0)),
        ('area', 'half'),
        ('aspect', (2, 1)),
        ('aspect', [0, 1]),
    ],
)
def test_what_is_no_range_is_refused(name, given):
    with pytest.raises(InputError, match=f'{name}=.* of TwoViews must be'):
        TwoViews(**{name: given})
