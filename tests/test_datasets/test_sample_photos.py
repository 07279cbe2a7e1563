"""The embedded photographs: there without a network, fairly split."""

import socket

import numpy as np
import pytest

from siameseim.datasets.sample_photos import (
    SamplePhotos,
    load_photos,
    tile_corners,
)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch):
    def refuse(*args: object) -> None:
        raise AssertionError('the network was used')

    monkeypatch.setattr(socket, 'create_connection', refuse)
    monkeypatch.setattr(socket.socket, 'connect', refuse)


def test_photographs_are_read_without_a_network(no_network):
    photos = load_photos()
    assert len(photos) == 16
    for name, photo in photos.items():
        assert photo.dtype == np.uint8 and photo.shape[2] == 3, name
        assert min(photo.shape[:2]) >= 300 and photo.std() > 10, name
        assert max(photo.shape[:2]) <= 800, name  # larger ones are halved


@pytest.mark.parametrize('split', ['train', 'held_out'])
def test_every_photograph_has_tiles(split):
    dataset = SamplePhotos(split=split)
    assert set(dataset.get_gt_labels()) == set(range(16))
    assert dataset.metainfo['classes'][:2] == ('astronaut', 'brick')


def test_no_pixel_is_in_a_training_and_in_a_held_out_tile():
    seen = {}
    for split in ('train', 'held_out'):
        seen[split] = np.zeros((300, 451), bool)
        for y, x in tile_corners((300, 451), 96, 32, split):
            assert y + 96 <= 300 and x + 96 <= 451
            seen[split][y : y + 96, x : x + 96] = True
    assert seen['train'].any() and seen['held_out'].any()
    assert not (seen['train'] & seen['held_out']).any()


def test_a_tile_may_fill_the_height_and_the_width_of_its_part():
    assert tile_corners((96, 200), 96, 32, 'train') == [(0, 0), (0, 32)]
    assert tile_corners((60, 200), 60, 32, 'held_out') == [(0, 130)]


def test_a_tile_is_the_named_part_of_its_photograph():
    dataset = SamplePhotos(split='held_out', size=96)
    info = dataset.get_data_info(7)
    y, x = info['corner']
    photo = load_photos()[dataset.metainfo['classes'][info['gt_label']]]
    assert np.array_equal(info['img'], photo[y : y + 96, x : x + 96])


def test_an_unknown_split_is_an_error():
    with pytest.raises(ValueError, match="got 'val'"):
        SamplePhotos(split='val')
