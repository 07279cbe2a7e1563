"""Colour changes on the device: those that the data loader would make."""

import numpy as np
import pytest
import torch
from torch.testing import assert_close
from torch.utils.data import default_collate
from torchvision.transforms import functional as tv

from siameseim.datasets import (
    PackTwoViews,
    PackViews,
    ViewPhotometric,
    ViewPreprocessor,
)
from siameseim.datasets.photometric import NAMES
from siameseim.datasets.view_preprocessor import change_views
from tests.apple import CopiesToApple, OnApple
from tests.test_datasets.test_photometric import PAIRS
from tests.test_datasets.test_view_preprocessor import batch

pytest.importorskip('kornia')

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


@pytest.mark.parametrize('on_device', [True, False])
def test_a_step_after_one_on_the_device_is_refused(coffee, rng, on_device):
    """Even if the first one happens to change nothing."""
    first = ViewPhotometric(view=1, jitter_prob=0, grey_prob=0, on_device=True)
    results = first(dict(views=[np.asarray(coffee)] * 2, rng=rng))
    ViewPhotometric(view=2, on_device=on_device)(results)
    with pytest.raises(ValueError, match='put all into one step'):
        ViewPhotometric(view=1, on_device=on_device)(results)
