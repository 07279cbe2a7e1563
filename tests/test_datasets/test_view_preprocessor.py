"""Colour changes on the device: those that the data loader would make."""

import numpy as np
import pytest
import torch
from mmpretrain.models.utils import SelfSupDataPreprocessor
from PIL import Image
from torch.testing import assert_close
from torch.utils.data import default_collate
from torchvision.transforms import functional as tv

from siameseim.datasets import (
    PackTwoViews,
    PackViews,
    ViewPhotometric,
    ViewPreprocessor,
    photometric,
)
from siameseim.datasets.photometric import NAMES
from siameseim.datasets.view_preprocessor import change_views
from siameseim.errors import InputError
from tests.apple import CopiesToApple, OnApple
from tests.test_datasets.test_photometric import PAIRS

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
# Largest mean difference in grey levels from Pillow, which rounds every value,
# hues to 1 / 256 of a turn, and whose blur is boxes.
LIMITS = dict(
    brightness=0.6,
    contrast=0.8,
    saturation=0.8,
    hue=1.5,
    greyscale=0.6,
    blur=0.9,
    solarize=0.01,
)


def to_tensor(images) -> torch.Tensor:
    return torch.stack([tv.pil_to_tensor(image) for image in images])


@pytest.mark.parametrize('name', NAMES)
def test_each_change_gives_the_values_of_pillow(name, coffee):
    """Each image of the batch with an amount of its own, one unchanged."""
    change, amounts, *_ = PAIRS[name]
    images = [coffee.resize((80, 60))] * (len(amounts) + 1)
    changes = torch.full((len(images), 7, 2), -1.0)
    for i, amount in enumerate(amounts):
        changes[i, 0] = torch.tensor([NAMES.index(name), amount])
    changed = change_views(to_tensor(images), changes)
    wanted = to_tensor(
        [
            *(change(x, y) for x, y in zip(images, amounts, strict=False)),
            images[-1],
        ]
    )
    for one, other in zip(changed, wanted, strict=True):
        assert (one - other).abs().mean() < LIMITS[name]
    assert_close(changed[-1], wanted[-1].float())
    assert (changed[-2] - changed[-1]).abs().mean() > 1


def test_borders_are_blurred_as_if_their_pixels_went_on():
    """The half of a Gaussian and half of its centre, 0.40."""
    views = torch.zeros(1, 3, 20, 20)
    views[..., -1] = 255
    changes = torch.full((1, 7, 2), -1.0)
    changes[0, 0] = torch.tensor([NAMES.index('blur'), 1.0])
    blurred = change_views(views, changes)
    assert abs(blurred[0, 0, 10, -1] - 0.70 * 255) < 2


def test_under_autocast_the_values_are_the_same(coffee):
    """The runner preprocesses inside of it."""
    views = to_tensor([coffee.resize((80, 60))])
    changes = torch.full((1, 7, 2), -1.0)
    changes[0, 0] = torch.tensor([NAMES.index('blur'), 1.0])
    plain = change_views(views, changes)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        mixed = change_views(views, changes)
    assert_close(mixed, plain, rtol=0, atol=0)


def batch(
    coffee: Image.Image, on_device: bool, pack: type = PackTwoViews
) -> dict:
    """48 samples of the recipe, drawn alike in both ways."""
    pixels = np.asarray(coffee.resize((32, 32)))
    steps = [
        ViewPhotometric(view=1, blur_prob=1.0, on_device=on_device),
        ViewPhotometric(
            view=2, blur_prob=0.1, solarize_prob=0.2, on_device=on_device
        ),
    ]
    samples = []
    for number in range(48):
        results = dict(
            views=[pixels, pixels],
            rng=np.random.default_rng(number),
            mask=np.zeros((2, 2), bool),
            boxes=np.zeros((2, 4), np.float32),
            flips=np.zeros(2, bool),
            source_width=32.0,
            sample_idx=number,
        )
        for step in (*steps, pack()):
            results = step(results)
        samples.append(results)
    return default_collate(samples)


@pytest.mark.parametrize('pack', [PackTwoViews, PackViews])
def test_the_recipe_gives_what_the_data_loader_gives(coffee, pack):
    """From the same random numbers, up to rounding in the data loader.

    Solarization turns a rounded level around at the threshold, so a small
    share of values may be far off.
    """
    process = ViewPreprocessor(mean=[0.0] * 3, std=[1.0] * 3)
    in_loader = process(batch(coffee, False, pack))
    on_device = process(batch(coffee, True, pack))
    assert in_loader['data_samples'].keys() == on_device['data_samples'].keys()
    unchanged = tv.pil_to_tensor(coffee.resize((32, 32))).float()
    for ours, other in zip(
        on_device['inputs'], in_loader['inputs'], strict=True
    ):
        off = (ours - other).abs()
        assert off.mean() < 2
        assert (off > 16).float().mean() < 0.01
        assert (other - unchanged).abs().mean() > 10


def test_without_changes_it_is_the_stock_preprocessor(coffee):
    ours = ViewPreprocessor(mean=MEAN, std=STD)(batch(coffee, False))
    stock = SelfSupDataPreprocessor(mean=MEAN, std=STD)(batch(coffee, False))
    assert_close(ours['inputs'], stock['inputs'], rtol=0, atol=0)


def test_an_apple_gpu_is_waited_for():
    """It may read host memory that has another use by then."""
    seen = []

    class Batch(torch.Tensor):
        def to(self, device, non_blocking):
            seen.append((device.type, non_blocking))

    preprocessor = ViewPreprocessor(non_blocking=True)
    for kind in ('cuda', 'mps'):
        preprocessor._device = torch.device(kind)
        preprocessor.cast_data({'inputs': [Batch()]})
    assert seen == [('cuda', True), ('mps', False)]


def test_changes_on_an_apple_gpu_are_waited_for(coffee):
    changes = torch.full((1, 7, 2), -1.0)
    changes[0, 0] = torch.tensor([NAMES.index('brightness'), 1.2])
    with CopiesToApple() as copies:
        change_views(to_tensor([coffee]).as_subclass(OnApple), changes)
    assert copies.waited_for
    assert all(copies.waited_for)


def test_a_single_view_is_changed_too(coffee):
    """MAE's pipeline."""
    pixels = np.asarray(coffee.resize((32, 32)))
    step = ViewPhotometric(view=1, blur_prob=1.0, on_device=True)
    results = dict(views=[pixels], rng=np.random.default_rng(0), sample_idx=0)
    data = default_collate([PackViews()(step(results))])
    changes = data['data_samples']['changes'][:, 0]
    wanted = change_views(data['inputs'], changes)
    process = ViewPreprocessor(mean=[0.0] * 3, std=[1.0] * 3)
    assert_close(process(data)['inputs'], wanted)
    assert (wanted - data['inputs']).abs().mean() > 1


def test_without_kornia_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(photometric, 'find_spec', lambda name: None)
    with pytest.raises(ModuleNotFoundError, match='kornia>=0.9'):
        ViewPhotometric(view=1, on_device=True)


@pytest.mark.parametrize('on_device', [True, False])
def test_a_step_after_one_on_the_device_is_refused(coffee, rng, on_device):
    """Even if the first one happens to change nothing."""
    first = ViewPhotometric(view=1, jitter_prob=0, grey_prob=0, on_device=True)
    results = first(dict(views=[np.asarray(coffee)] * 2, rng=rng))
    ViewPhotometric(view=2, on_device=on_device)(results)
    with pytest.raises(ValueError, match='put all into one step'):
        ViewPhotometric(view=1, on_device=on_device)(results)


def test_symmetric_adds_the_pairs_that_swapped_views_would_make():
    """By hand: views, boxes and flips swapped, the next image's mask."""
    rng = np.random.default_rng(0)

    def sample(index: int) -> dict:
        return dict(
            views=list(rng.integers(0, 256, (2, 32, 32, 3), np.uint8)),
            mask=rng.permutation(np.arange(16) < 6).reshape(4, 4),
            boxes=rng.random((2, 4), np.float32),
            flips=np.array([True, False]),
            source_width=np.float32(64 + index),
            sample_idx=index,
        )

    samples = [sample(i) for i in range(3)]
    swapped = [
        {
            **one,
            'views': one['views'][::-1],
            'boxes': one['boxes'][::-1].copy(),
            'flips': one['flips'][::-1].copy(),
            'mask': samples[(i + 1) % 3]['mask'],
        }
        for i, one in enumerate(samples)
    ]
    pack, norm = PackTwoViews(), dict(mean=MEAN, std=STD)
    both = ViewPreprocessor(symmetric=True, **norm)(
        default_collate([pack(x) for x in samples]), training=True
    )
    wanted = ViewPreprocessor(**norm)(
        default_collate([pack(x) for x in [*samples, *swapped]])
    )
    assert_close(both, wanted, rtol=0, atol=0)


def test_symmetric_without_boxes_is_refused(coffee):
    pixels = np.asarray(coffee.resize((32, 32)))
    data = default_collate([PackViews()(dict(views=[pixels], sample_idx=0))])
    process = ViewPreprocessor(symmetric=True, mean=MEAN, std=STD)
    with pytest.raises(InputError, match='PackTwoViews'):
        process(data, training=True)
    process(data)  # an evaluation swaps nothing
