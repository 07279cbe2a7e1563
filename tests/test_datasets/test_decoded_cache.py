"""Images that are decoded once and kept in shared memory."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from siameseim.datasets import ImageFolder, PretrainDataset
from siameseim.datasets.decoded_cache import DecodedCache
from tests.test_datasets.test_packed import assert_same, samples


def test_a_cache_changes_no_pixel_and_reads_each_file_once(folder, pipeline):
    expected = samples(ImageFolder(str(folder)), pipeline)
    cached = PretrainDataset(ImageFolder(str(folder)), pipeline(), cache=True)
    assert_same([cached[key] for key in range(30)], expected)
    for file in folder.rglob('*.jpg'):
        file.unlink()
    assert_same([cached[key] for key in range(30)], expected)


def test_workers_share_what_one_of_them_decoded(folder, pipeline):
    cached = PretrainDataset(ImageFolder(str(folder)), pipeline(), cache=True)
    # the memory of an earlier cache may hold the same images
    cached._cache._pixels.zero_()
    loader = torch.utils.data.DataLoader(
        cached, batch_size=4, num_workers=2, collate_fn=list
    )
    made = [sample for batch in loader for sample in batch]
    for file in folder.rglob('*.jpg'):
        file.unlink()
    assert_same([cached[key] for key in range(12)], made)


def test_unreadable_images_are_skipped_with_a_cache_too(folder, pipeline):
    victim = sorted(folder.rglob('*.jpg'))[3]
    victim.write_bytes(victim.read_bytes()[:200])
    (folder / 'empty.jpg').touch()
    cached = PretrainDataset(ImageFolder(str(folder)), pipeline(), cache=True)
    plain = PretrainDataset(ImageFolder(str(folder)), pipeline())
    for _ in range(2):
        for key in range(len(plain)):
            assert_same([cached[key]], [plain[key]])
    assert cached.num_unreadable == plain.num_unreadable == 2


def test_a_cache_without_room_says_how_much_it_needs(
    folder, pipeline, monkeypatch
):
    room = SimpleNamespace(free=2**10)
    monkeypatch.setattr('shutil.disk_usage', lambda path: room)
    cache = 'siameseim.datasets.decoded_cache'
    monkeypatch.setattr(f'{cache}._SHARED', str(folder))  # a Mac has none
    with pytest.raises(MemoryError, match='leave out cache=True'):
        PretrainDataset(ImageFolder(str(folder)), pipeline(), cache=True)


def test_kept_pixels_are_those_of_the_file(photo):
    cache = DecodedCache([(2, 3), (512, 512)])
    info = dict(img=np.asarray(photo))
    for known in (info, {}):  # the second time nothing is read
        kept = cache.open(1, known)
        assert np.array_equal(kept.decode(), np.asarray(photo))
        assert (kept.height, kept.width) == (512, 512)
        assert kept.max_reduction == 1
    changed = cache.open(0, info)  # since its size was read
    assert changed.decode().shape == (512, 512, 3)
    with pytest.raises(ValueError, match='must give'):
        cache.open(0, {})
