"""What becomes of a batch of views on the device, colours unchanged."""

import numpy as np
import pytest
import torch
from mmpretrain.models.utils import SelfSupDataPreprocessor
from PIL import Image
from torch.testing import assert_close
from torch.utils.data import default_collate

from siameseim.datasets import (
    PackTwoViews,
    PackViews,
    ViewPhotometric,
    ViewPreprocessor,
    photometric,
)
from siameseim.errors import InputError

MEAN, STD = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]


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


def test_without_kornia_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(photometric, 'find_spec', lambda name: None)
    with pytest.raises(ModuleNotFoundError, match='kornia>=0.9'):
        ViewPhotometric(view=1, on_device=True)


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
