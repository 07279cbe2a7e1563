"""Mask files that do not fit their images are named before training."""

import numpy as np
import pytest
from PIL import Image

pytest.importorskip('mmseg')
from mmseg.datasets import BaseSegDataset

from siameseim.errors import InputError
from siameseim.segmentation.mask_files import (
    check_mask_file,
    check_mask_files,
    skipped_images,
)
from tests.test_segmentation.test_configs import UPERNET_ADE, argv
from tests.transfer_fixtures import tool


def write(folder, mask, number=1, name='{}.jpg'):
    """Images of 6 x 4 pixels, all with a copy of one mask."""
    for part in ('images', 'masks'):
        (folder / part).mkdir(exist_ok=True)
    for index in range(number):
        image = folder / 'images' / name.format(index)
        Image.new('RGB', (6, 4)).save(image)
        Image.fromarray(mask).save(folder / f'masks/{index}.png')
    return str(image), str(folder / f'masks/{index}.png')


def dataset_of(folder):
    return BaseSegDataset(
        data_root=str(folder),
        data_prefix=dict(img_path='images', seg_map_path='masks'),
        metainfo=dict(classes=('a', 'b')),
        pipeline=[dict(type='mmseg.LoadAnnotations')],
    )


@pytest.mark.parametrize('shape', [(6, 4), (2, 3), (1, 6)])
def test_a_mask_of_another_size_is_named_with_both_sizes(tmp_path, shape):
    files = write(tmp_path, np.zeros(shape, np.uint8))
    said = f'0.png is {shape[1]} x {shape[0]} .*its image is 6 x 4'
    with pytest.raises(InputError, match=said):
        check_mask_file(*files)


@pytest.mark.parametrize(
    ('mask', 'mode'),
    [
        (np.zeros((4, 6, 3), np.uint8), 'RGB'),
        # Pillow 10.1 calls it I
        (np.full((4, 6), 259, np.uint16), 'I(;16)?'),
    ],
)
def test_colours_and_16_bits_are_refused(tmp_path, mask, mode):
    files = write(tmp_path, mask)
    with pytest.raises(InputError, match=f'0.png is stored as {mode},'):
        check_mask_file(*files)


def test_a_turned_photograph_has_the_size_it_is_read_with(tmp_path):
    image, mask = write(tmp_path, np.zeros((6, 4), np.uint8))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (6, 4)).save(image, exif=exif)
    check_mask_file(image, mask)


def test_a_photograph_too_large_for_pillow_is_left_alone(
    tmp_path, monkeypatch
):
    """OpenCV, which reads it for mmseg, takes six times as many pixels."""
    files = write(tmp_path, np.zeros((4, 6), np.uint8))
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 10)
    check_mask_file(*files)


def test_a_missing_mask_is_named(tmp_path):
    image, _ = write(tmp_path, np.zeros((4, 6), np.uint8))
    with pytest.raises(InputError, match='none.png does not exist'):
        check_mask_file(image, str(tmp_path / 'none.png'))


def test_one_wrong_mask_of_a_data_set_is_found(tmp_path):
    write(tmp_path, np.zeros((4, 6), np.uint8), number=4)
    check_mask_files(dataset_of(tmp_path))
    Image.new('L', (4, 6)).save(tmp_path / 'masks/2.png')
    with pytest.raises(InputError, match='masks/2.png'):
        check_mask_files(dataset_of(tmp_path))


def test_masks_of_another_reader_are_left_alone(tmp_path):
    write(tmp_path, np.zeros((4, 6, 3), np.uint8))
    dataset = dataset_of(tmp_path)
    dataset.pipeline.transforms.clear()
    check_mask_files(dataset)


def test_images_skipped_by_their_suffix_are_listed(tmp_path):
    write(tmp_path, np.zeros((4, 6), np.uint8), number=3)
    assert skipped_images(dataset_of(tmp_path)) == []
    (tmp_path / 'images/1.jpg').rename(tmp_path / 'images/1.png')
    (tmp_path / 'images/notes.txt').touch()  # has no mask
    assert skipped_images(dataset_of(tmp_path)) == ['1.png']


@pytest.mark.parametrize('wrong', ['training', 'validation'])
def test_training_stops_before_its_first_step(
    weights, shared, tmp_path, wrong
):
    data = tmp_path / 'ade'
    for part in ('images', 'annotations'):
        for split in ('training', 'validation'):
            (data / part / split).mkdir(parents=True)
    for split in ('training', 'validation'):
        width = 32 if split == wrong else 64
        photo = data / f'images/{split}/0.jpg'
        Image.new('RGB', (64, 64)).save(photo)
        photo.with_name('1.png').write_bytes(photo.read_bytes())
        for index in range(2):
            path = data / f'annotations/{split}/{index}.png'
            Image.new('L', (width, 64), 1).save(path)
    options = argv(UPERNET_ADE, weights, shared, tmp_path / 'run')
    roots = [
        f'{split}_dataloader.dataset.data_root={data}'
        for split in ('train', 'val')
    ]
    said = f'error: mask .*{wrong}/0.png is 32 x 64'
    with pytest.raises(SystemExit, match=said):
        tool('train').main([*options, *roots])
    (log,) = (tmp_path / 'run').glob('*/*.log')
    text = log.read_text()
    assert 'Iter(train)' not in text
    assert ('1 images of' in text) == (wrong == 'validation')
