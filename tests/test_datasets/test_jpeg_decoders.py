"""JPEGs that simplejpeg decodes, and those that are left to Pillow."""

import numpy as np
import pytest
from PIL import Image

from siameseim.datasets import SourceImage, source_image
from tests.test_datasets.test_source_image import ORIENTATION, load


@pytest.fixture
def fast_decodes(monkeypatch):
    """Calls of simplejpeg, which tests nothing for pixels alone."""
    calls, original = [], source_image.simplejpeg.decode_jpeg

    def decode(*args):
        pixels = original(*args)  # raises at a flaw
        calls.append(pixels.shape)
        return pixels

    monkeypatch.setattr(source_image.simplejpeg, 'decode_jpeg', decode)
    return calls


@pytest.mark.parametrize('mode', ['RGB', 'L'])
@pytest.mark.parametrize('quality', [5, 95])
@pytest.mark.parametrize('subsampling', [0, 1, 2])
@pytest.mark.parametrize('progressive', [False, True])
def test_simplejpeg_decodes_to_the_pixels_of_pillow(
    mode, quality, subsampling, progressive, coffee, tmp_path, fast_decodes
):
    path = tmp_path / 'image.jpg'
    options = dict(subsampling=subsampling) if mode == 'RGB' else {}
    coffee.crop((0, 0, 149, 83)).convert(mode).save(
        path, quality=quality, progressive=progressive, **options
    )
    shown = np.asarray(Image.open(path).convert('RGB'))
    np.testing.assert_array_equal(load(path), shown)
    assert fast_decodes == [(83, 149, 3)]


def test_pillow_decodes_cmyk_turned_and_reduced_jpegs(
    small, tmp_path, fast_decodes
):
    path = tmp_path / 'image.jpg'
    small.convert('CMYK').save(path)
    load(path)
    turned = Image.Exif()
    turned[ORIENTATION] = 6
    small.save(path, exif=turned)
    load(path)
    small.save(path)
    SourceImage.from_data_info(dict(img_path=str(path))).decode(2)
    assert fast_decodes == []


def test_pillow_decides_about_a_flaw(small, tmp_path, fast_decodes):
    """Bytes that belong to nothing: libjpeg warns, Pillow shows the image."""
    path = tmp_path / 'image.jpg'
    small.save(path)
    content = path.read_bytes()
    path.write_bytes(content[:-2] + bytes(40) + content[-2:])
    shown = np.asarray(Image.open(path).convert('RGB'))
    np.testing.assert_array_equal(load(path), shown)
    assert fast_decodes == []
