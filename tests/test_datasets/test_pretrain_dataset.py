"""One batch: its form, and that nothing but the seed decides on it."""

from functools import partial

import numpy as np
import pytest
import torch
from mmpretrain.datasets import CIFAR10

from siameseim.datasets import PretrainDataset
from siameseim.errors import InputError

assert_same = partial(torch.testing.assert_close, rtol=0, atol=0)


def test_a_batch_has_the_agreed_form(load):
    batch = next(iter(load()))
    assert [(v.shape, v.dtype) for v in batch['inputs']] == [
        ((4, 3, 32, 32), torch.uint8)
    ] * 2
    assert {
        key: (tuple(value.shape), value.dtype)
        for key, value in batch['data_samples'].items()
    } == {
        'mask': ((4, 4, 4), torch.bool),
        'visible': ((4, 16 - 10), torch.int64),
        'boxes': ((4, 2, 4), torch.float32),
        'flips': ((4, 2), torch.bool),
        'source_width': ((4,), torch.float32),
        'sample_idx': ((4,), torch.int64),
    }
    assert batch['inputs'][0].is_contiguous()


def test_pixels_do_not_depend_on_workers_or_on_earlier_epochs(load):
    alone = load()
    workers = load(num_workers=2)
    for epoch in (0, 1):
        workers.sampler.set_epoch(epoch)
        second = list(workers)
    alone.sampler.set_epoch(1)
    assert_same(list(alone), second)


def test_epochs_differ_in_order_and_pixels(build):
    dataset = build()
    first, again, later = (dataset[key] for key in (3, 3, 3 + len(dataset)))
    assert_same([first], [again])
    assert not torch.equal(first['inputs'][0], later['inputs'][0])
    assert first['data_samples']['sample_idx'] == 3
    assert later['data_samples']['sample_idx'] == 3


def test_iteration_ends_after_an_epoch(build):
    dataset = build()
    rest = iter(dataset)
    seen = [next(rest) for _ in range(len(dataset))]
    assert next(rest, None) is None
    assert_same(seen[-1], dataset[len(dataset) - 1])


def test_negative_keys_count_from_the_end(build):
    dataset = build()
    assert_same(dataset[-1], dataset[len(dataset) - 1])
    with pytest.raises(IndexError, match='before the first'):
        dataset[-len(dataset) - 1]


def test_data_of_another_library_are_refused(pipeline):
    with pytest.raises(InputError, match='not a list: ImageFolder'):
        PretrainDataset([torch.zeros(3, 8, 8)], pipeline())


def test_the_seed_changes_the_pixels(build):
    one, two = (build(seed=seed)[0] for seed in (0, 1))
    assert not torch.equal(one['inputs'][0], two['inputs'][0])


@pytest.mark.parametrize('num_workers', [0, 2])
def test_a_restart_in_an_epoch_goes_on_with_the_same_pixels(num_workers, load):
    whole = load(num_workers=num_workers, batch_size=3)
    whole.sampler.set_epoch(4)
    restarted = load(num_workers=num_workers, batch_size=3)
    restarted.sampler.set_epoch(4)
    restarted.sampler.set_start(2 * 3)
    assert_same(list(whole)[2:], list(restarted))


@pytest.mark.parametrize(
    'config',
    [
        dict(type='CustomDataset', with_label=False),
        dict(type='CustomDataset'),
        dict(type='ImageNet', split=''),
    ],
)
def test_stock_datasets_of_files(config, folder, pipeline):
    if config['type'] == 'ImageNet':
        config = config | dict(classes=[f'class_{i}' for i in range(3)])
    inner = config | dict(data_root=str(folder))
    dataset = PretrainDataset(inner, pipeline())
    assert len(dataset) == 12
    assert dataset[11]['inputs'][1].shape == (3, 32, 32)


def test_stock_datasets_of_arrays(tmp_path, rng):
    """CIFAR-10 holds arrays; its loader wants the real files' checksums."""
    images = rng.integers(0, 256, (5, 32, 32, 3), np.uint8)

    class SmallCIFAR10(CIFAR10):
        def load_data_list(self) -> list[dict]:
            return [dict(img=image, gt_label=0) for image in images]

    inner = SmallCIFAR10(data_root=str(tmp_path), split='train')
    steps = [dict(type='TwoViews', size=32, area=(1, 1), aspect=(1, 1))]
    out = PretrainDataset(inner, steps)[2]
    for view, flip in zip(out['views'], out['flips'], strict=True):
        expected = images[2][:, ::-1] if flip else images[2]
        np.testing.assert_array_equal(view, expected)


def test_full_size_photographs(shared, pipeline, load):
    folder = shared / 'data' / 'imagenet_fullsize_60'
    steps = pipeline(size=224, grid=14, num_masked=118)
    loader = load(folder, 2, 20, steps)
    batches = list(loader)
    indices = torch.cat([b['data_samples']['sample_idx'] for b in batches])
    assert sorted(indices.tolist()) == list(range(60))
    assert loader.dataset.num_unreadable == 0
    for batch in batches:
        assert batch['inputs'][0].shape == (20, 3, 224, 224)
        assert batch['data_samples']['visible'].shape[1] == 196 - 118
        means = torch.stack(batch['inputs']).float().mean()
        assert 80 < means < 150
