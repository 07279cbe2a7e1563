"""Every kind of image becomes upright 8-bit RGB."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps, __version__

from siameseim.datasets import SourceImage, UnreadableImageError, source_image
from siameseim.errors import InputError

ORIENTATION = 0x0112


def load(path: Path) -> np.ndarray:
    source = SourceImage.from_data_info(dict(img_path=str(path)))
    pixels = source.decode()
    assert pixels.dtype == np.uint8
    assert pixels.shape == (source.height, source.width, 3)
    return pixels


@pytest.mark.parametrize(
    ('mode', 'suffix'),
    [
        ('1', 'png'),
        ('L', 'png'),
        ('L', 'jpg'),
        ('P', 'gif'),
        ('P', 'png'),
        ('RGB', 'bmp'),
        ('RGB', 'jp2'),
        ('RGB', 'jpg'),
        ('RGB', 'ppm'),
        ('RGB', 'png'),
        ('RGB', 'tiff'),
        ('RGB', 'webp'),
        ('CMYK', 'jpg'),
        ('CMYK', 'tiff'),
        pytest.param(
            *('YCbCr', 'tiff'),
            marks=pytest.mark.skipif(
                int(__version__.split('.')[0]) < 13,
                reason='Pillow before 13 cannot read it',
            ),
        ),
    ],
)
def test_modes_and_formats_look_as_pillow_shows_them(
    mode, suffix, small, tmp_path
):
    path = tmp_path / f'image.{suffix}'
    small.convert(mode).save(path)
    shown = np.asarray(Image.open(path).convert('RGB'))
    np.testing.assert_array_equal(load(path), shown)
    difference = np.abs(load(path).astype(int) - np.asarray(small))
    if mode not in ('1', 'L'):
        assert difference.mean() < 20  # a web palette


@pytest.mark.parametrize('suffix', ['png', 'tiff'])
def test_16_bit_greyscale_is_scaled_not_clipped(suffix, small, tmp_path):
    grey = np.asarray(small.convert('L'))
    deep = grey.astype(np.uint16) * 257
    path = tmp_path / f'deep.{suffix}'
    Image.fromarray(deep).save(path)
    np.testing.assert_array_equal(load(path), grey[..., None].repeat(3, -1))


def test_16_bit_netpbm_is_scaled(tmp_path):
    levels = np.array([[0, 256, 30000, 65535]], '>u2')
    path = tmp_path / 'deep.pgm'
    path.write_bytes(b'P5\n4 1\n65535\n' + levels.tobytes())
    np.testing.assert_array_equal(load(path)[0, :, 0], [0, 1, 117, 255])


@pytest.mark.parametrize('dtype', [np.int32, np.float32])
def test_wider_greyscale_is_stretched_to_its_own_range(dtype, tmp_path):
    values = np.array([[-100000, 0, 100000]], dtype)
    path = tmp_path / 'wide.tiff'
    Image.fromarray(values).save(path)
    np.testing.assert_array_equal(load(path)[0, :, 0], [0, 128, 255])


@pytest.mark.filterwarnings('error')
def test_greyscale_without_a_range_is_black(tmp_path):
    path = tmp_path / 'flat.tiff'
    Image.fromarray(np.full((2, 2), 0.5, np.float32)).save(path)
    assert not load(path).any()


def test_floats_that_are_no_numbers_are_unreadable(tmp_path):
    path = tmp_path / 'nan.tiff'
    Image.fromarray(np.full((2, 2), np.nan, np.float32)).save(path)
    with pytest.raises(UnreadableImageError, match='not finite'):
        load(path)


@pytest.mark.parametrize('mode', ['RGBA', 'LA', 'PA'])
def test_transparency_is_laid_over_white(mode, tmp_path):
    image = Image.new('RGBA', (3, 1), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 128))
    image.putpixel((2, 0), (0, 0, 0, 0))
    suffix = 'tiff' if mode == 'PA' else 'png'
    path = tmp_path / f'alpha.{suffix}'
    written = image.convert(mode)
    written.putalpha(image.getchannel('A'))  # Pillow < 12 loses it in PA
    written.save(path)
    np.testing.assert_allclose(load(path)[0, :, 1], [0, 127, 255], atol=1)


@pytest.mark.parametrize('mode', ['P', 'L', 'RGB'])
def test_a_transparent_colour_is_white(mode, tmp_path):
    image = Image.new(mode, (2, 1), 0)
    image.putpixel((1, 0), 10 if mode != 'RGB' else (10, 10, 10))
    key = 0 if mode != 'RGB' else (0, 0, 0)
    image.save(tmp_path / 'key.png', transparency=key)
    assert load(tmp_path / 'key.png')[0, 0].tolist() == [255, 255, 255]
    assert load(tmp_path / 'key.png')[0, 1, 0] < 30


@pytest.mark.parametrize('suffix', ['jpg', 'png', 'tiff', 'webp'])
@pytest.mark.parametrize('orientation', range(1, 9))
def test_exif_orientation_is_applied(orientation, suffix, small, tmp_path):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    path = tmp_path / f'turned.{suffix}'
    small.save(path, exif=exif)
    with Image.open(path) as image:
        image.load()
        upright = np.asarray(ImageOps.exif_transpose(image).convert('RGB'))
    assert upright.shape[:2] == ((32, 48) if orientation < 5 else (48, 32))
    np.testing.assert_array_equal(load(path), upright)


def test_damaged_exif_does_not_cost_the_image(small, tmp_path):
    path = tmp_path / 'exif.jpg'
    small.save(path, exif=b'Exif\0\0no TIFF header at all')
    assert load(path).shape == (32, 48, 3)


@pytest.mark.parametrize('reduction', [2, 4, 8])
def test_reduced_pixels_are_means_of_source_pixels(reduction, photo, tmp_path):
    path = tmp_path / 'even.jpg'
    photo.save(path, quality=95)
    source = SourceImage.from_data_info(dict(img_path=str(path)))
    expected = np.asarray(photo.reduce(reduction)).astype(int)
    assert np.abs(source.decode(reduction) - expected).mean() < 2


def test_turned_jpegs_are_reduced_only_without_a_remainder(tmp_path, photo):
    """Else the partly filled last pixel would become the first one."""
    exif = Image.Exif()
    exif[ORIENTATION] = 3
    for side, allowed in ((128, 8), (124, 4), (126, 2), (125, 1)):
        path = tmp_path / f'{side}.jpg'
        photo.resize((side, 128)).save(path, exif=exif)
        source = SourceImage.from_data_info(dict(img_path=str(path)))
        assert source.max_reduction == allowed


def test_pictures_of_several_are_read_by_their_first(small, tmp_path):
    for suffix in ('mpo', 'gif', 'tiff', 'webp'):
        path = tmp_path / f'many.{suffix}'
        second = Image.new('RGB', small.size)
        small.copy().save(path, save_all=True, append_images=[second])
        assert load(path).mean() > 50


@pytest.mark.parametrize('size', [(1, 1), (1, 9000), (9000, 1)])
def test_tiny_and_long_sides(size, tmp_path):
    path = tmp_path / 'thin.png'
    Image.new('RGB', size, 'red').save(path)
    assert load(path).shape == (size[1], size[0], 3)


def test_large_images_are_no_attack(tmp_path, monkeypatch):
    """Pillow would refuse more than twice its limit of pixels."""
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 100)
    path = tmp_path / 'large.png'
    Image.new('RGB', (100, 100)).save(path)
    assert load(path).shape == (100, 100, 3)
    assert Image.MAX_IMAGE_PIXELS == 100


def test_images_beyond_the_limit_say_so(tmp_path, monkeypatch):
    monkeypatch.setattr(source_image, 'MAX_PIXELS', 100)
    path = tmp_path / 'large.png'
    Image.new('RGB', (100, 100)).save(path)
    with pytest.raises(UnreadableImageError, match='100 x 100 pixels'):
        load(path)


@pytest.mark.parametrize('shape', [(8, 6, 3), (8, 6)])
def test_arrays_are_taken_as_they_are(shape, rng):
    array = rng.integers(0, 256, shape, np.uint8)
    pixels = SourceImage.from_data_info(dict(img=array)).decode()
    expected = array if array.ndim == 3 else array[..., None].repeat(3, -1)
    np.testing.assert_array_equal(pixels, expected)


@pytest.mark.parametrize(
    ('shape', 'dtype'),
    [
        ((8, 9, 4), np.uint8),  # no opacity
        ((8, 9, 2), np.uint8),
        ((8, 9, 3), np.float32),
        ((8, 9, 5), np.uint8),
        ((8, 9), np.float16),
    ],
)
def test_arrays_of_other_channels_are_refused(shape, dtype):
    with pytest.raises(InputError, match=r'shape \(8, 9.*mix three channels'):
        SourceImage.from_data_info(dict(img=np.zeros(shape, dtype)))


def test_a_data_info_without_image_names_its_keys():
    with pytest.raises(ValueError, match="has only .'gt_label'"):
        SourceImage.from_data_info(dict(gt_label=3))
