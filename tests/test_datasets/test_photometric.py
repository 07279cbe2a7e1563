"""Colour changes: values and distribution of Pillow and torchvision."""

import math
import random

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from scipy.stats import ks_2samp
from torchvision.transforms import ColorJitter, Compose, RandomGrayscale
from torchvision.transforms import functional as tv

from siameseim.datasets import ViewPhotometric
from siameseim.datasets.photometric import CHANGES, NAMES
from siameseim.errors import InputError

DRAWS = 1500
LIMIT = math.sqrt(-math.log(1e-4 / 2) / DRAWS)
VIEW_1 = dict(view=1, blur_prob=1.0)
VIEW_2 = dict(view=2, blur_prob=0.1, solarize_prob=0.2)


def pillow_blur(image: Image.Image, sigma: float) -> Image.Image:
    return image.filter(ImageFilter.GaussianBlur(sigma))


# The independent function, arguments, and the largest mean and absolute
# difference in grey levels that rounding explains.
PAIRS = {
    'brightness': (tv.adjust_brightness, (0.6, 1.0, 1.4), 0.01, 1),
    'contrast': (tv.adjust_contrast, (0.6, 1.0, 1.4), 0.2, 1),
    'saturation': (tv.adjust_saturation, (0.8, 1.0, 1.2), 0.8, 2),
    'hue': (tv.adjust_hue, (-0.1, 0.03, 0.1), 1.5, 14),
    'greyscale': (lambda x, _: tv.rgb_to_grayscale(x, 3), (1.0,), 1, 1),
    'blur': (pillow_blur, (0.1, 0.5, 1.0, 2.0), 0.9, 14),
    'solarize': (tv.solarize, (128,), 1e-9, 0),
}


@pytest.mark.parametrize(
    ('name', 'argument'),
    [(name, value) for name in NAMES for value in PAIRS[name][1]],
)
def test_each_change_gives_the_values_of_pillow(name, argument, coffee):
    theirs, _, mean, largest = PAIRS[name]
    changed = CHANGES[name](np.asarray(coffee), argument)
    difference = np.abs(
        changed.astype(int) - np.asarray(theirs(coffee, argument))
    )
    assert changed.dtype == np.uint8
    assert difference.mean() < mean
    assert difference.max() <= largest


@pytest.mark.parametrize('sigma', [0.57, 'wide', (2.0, 0.1), (0.1,), None])
def test_a_blur_sigma_that_is_no_range_is_refused(sigma):
    with pytest.raises(InputError, match='^blur_sigma=.* such as \\(0.1, 2'):
        ViewPhotometric(view=1, blur_sigma=sigma)


def plain(settings: dict) -> Compose:
    """The recipe from Pillow and torchvision, with global random state."""

    def blur(image: Image.Image) -> Image.Image:
        if random.random() < settings['blur_prob']:
            return pillow_blur(image, random.uniform(0.1, 2.0))
        return image

    def jitter(image: Image.Image) -> Image.Image:
        change = ColorJitter(0.4, 0.4, 0.2, 0.1)
        return change(image) if random.random() < 0.8 else image

    def solarize(image: Image.Image) -> Image.Image:
        if random.random() < settings.get('solarize_prob', 0):
            return tv.solarize(image, 128)
        return image

    return Compose([jitter, RandomGrayscale(0.2), blur, solarize])


def describe(images: list[np.ndarray]) -> dict[str, np.ndarray]:
    """What each change alters, one number an image.

    All images without jitter share one value, which rounding moves by
    some hundredths of a grey level; noise of one level covers that.
    """
    x = np.stack(images).astype(float)
    grey, chroma = x.mean(-1), x.max(-1) - x.min(-1)
    numbers = {
        'brightness': grey.mean((1, 2)),
        'contrast': grey.std((1, 2)),
        'saturation': chroma.mean((1, 2)),
        'sharpness': np.abs(np.diff(grey, axis=1)).mean((1, 2)),
        'red over blue': (x[..., 0] - x[..., 2]).mean((1, 2)),
        'green over blue': (x[..., 1] - x[..., 2]).mean((1, 2)),
    }
    noise = np.random.default_rng(2).normal(size=len(images))
    return {name: values + noise for name, values in numbers.items()}


def draw(settings: dict, pixels: np.ndarray, seed: int) -> list[np.ndarray]:
    transform = ViewPhotometric(**settings)
    rng = np.random.default_rng(seed)
    return [
        transform(dict(views=[pixels, pixels], rng=rng))['views'][
            settings['view'] - 1
        ]
        for _ in range(DRAWS)
    ]


@pytest.mark.parametrize('settings', [VIEW_1, VIEW_2])
def test_views_are_distributed_as_a_plain_implementation(settings, coffee):
    small = coffee.resize((40, 40))
    random.seed(0)
    torch.manual_seed(0)
    recipe = plain(settings)
    theirs = describe([np.asarray(recipe(small)) for _ in range(DRAWS)])
    ours = describe(draw(settings, np.asarray(small), seed=0))
    for name, values in ours.items():
        distance = ks_2samp(values, theirs[name]).statistic
        assert distance < LIMIT, name


def off(**settings: float) -> dict:
    """Settings with every change switched off but the named ones."""
    return dict(view=1, jitter_prob=0.0, grey_prob=0.0) | settings


@pytest.mark.parametrize(
    ('amounts', 'statistic'),
    [
        ((0.4, 0, 0, 0), 'brightness'),
        ((0, 0.4, 0, 0), 'contrast'),
        ((0, 0, 0.2, 0), 'saturation'),
        ((0, 0, 0, 0.1), 'green over blue'),
    ],
)
def test_each_jitter_has_the_strength_of_torchvision(
    amounts, statistic, coffee
):
    """One at a time: together they would hide a wrong one.

    On a tensor, where torchvision does not round the hue to 1 / 255.
    """
    small = coffee.resize((40, 40))
    torch.manual_seed(0)
    jitter = ColorJitter(*amounts)
    planes = tv.pil_to_tensor(small)
    theirs = describe(
        [jitter(planes).permute(1, 2, 0).numpy() for _ in range(DRAWS)]
    )
    brightness, contrast, saturation, hue = amounts
    settings = off(
        jitter_prob=1.0,
        brightness=brightness,
        contrast=contrast,
        saturation=saturation,
        hue=hue,
    )
    ours = describe(draw(settings, np.asarray(small), seed=0))
    distance = ks_2samp(ours[statistic], theirs[statistic]).statistic
    assert distance < LIMIT


@pytest.mark.parametrize(
    ('settings', 'rate'),
    [
        (off(jitter_prob=0.8), 0.8),
        (off(grey_prob=0.2), 0.2),
        (off(blur_prob=1.0), 1.0),
        (off(blur_prob=0.1), 0.1),
        (off(solarize_prob=0.2), 0.2),
        (off(), 0.0),
    ],
)
def test_each_change_happens_at_its_rate(settings, rate, coffee):
    pixels = np.asarray(coffee.resize((16, 16)))
    changed = np.mean(
        [(view != pixels).any() for view in draw(settings, pixels, seed=1)]
    )
    # A blur of little more than 0.1 pixels leaves every value as it was.
    unseen = 0.15 * rate if 'blur_prob' in settings else 0
    four_sigma = 4 * math.sqrt(rate * (1 - rate) / DRAWS)
    assert rate - unseen - four_sigma <= changed <= rate + four_sigma


def test_a_third_view_is_refused():
    with pytest.raises(ValueError, match='view must be 1 or 2, not 3'):
        ViewPhotometric(view=3)


def test_changes_drawn_for_both_views_are_the_same(coffee):
    """Those that one view alone would get from the same generator."""
    pixels = np.asarray(coffee)
    options = dict(blur_prob=0.5, grey_prob=0.5, solarize_prob=0.5)
    for seed in range(8):
        both = ViewPhotometric(view=(1, 2), **options).transform(
            {'views': [pixels] * 2, 'rng': np.random.default_rng(seed)}
        )['views']
        one = ViewPhotometric(view=1, **options).transform(
            {'views': [pixels] * 2, 'rng': np.random.default_rng(seed)}
        )['views']
        assert np.array_equal(both[0], both[1])
        assert np.array_equal(both[0], one[0])
        assert np.array_equal(one[1], pixels)


def test_borders_are_blurred_as_if_their_pixels_went_on():
    """As Pillow does; the half of a Gaussian and half of its centre, 0.40."""
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[:, -1] = 255
    blurred = CHANGES['blur'](pixels, 1.0)
    assert abs(blurred[10, -1, 0] - 0.70 * 255) < 2


def test_levels_from_the_middle_on_are_solarized():
    pixels = np.array([[[127, 128, 255]]], np.uint8)
    transform = ViewPhotometric(**off(solarize_prob=1.0))
    results = dict(views=[pixels], rng=np.random.default_rng(0))
    assert transform(results)['views'][0].tolist() == [[[127, 127, 0]]]


def test_any_change_of_the_jitter_may_come_first(rng):
    transform = ViewPhotometric(**off(jitter_prob=1.0))
    firsts = {transform._draw(rng)[0][0] for _ in range(100)}
    assert firsts == {'brightness', 'contrast', 'saturation', 'hue'}
