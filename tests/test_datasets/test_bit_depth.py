"""Images of 12 bits in 16 are told of, others are not."""

import logging

import numpy as np
import pytest
from mmengine.logging import MMLogger
from PIL import Image

from siameseim.datasets import ImageFolder, PretrainDataset


def warnings_of(folder, peaks, monkeypatch):
    """Those of a data set of images with these greatest values."""
    for place, peak in enumerate(peaks):
        pixels = np.full((4, 4), peak, np.uint16)
        Image.fromarray(pixels).save(folder / f'{place}.tif')
    Image.new('L', (4, 4)).save(folder / 'grey.png')
    (folder / 'none.tif').write_bytes(b'no image')
    texts = []

    def keep(record):
        texts.append(record.getMessage())
        return True

    logger = MMLogger.get_current_instance()
    monkeypatch.setattr(logger, 'filters', [keep])
    logger.setLevel(logging.INFO)
    PretrainDataset(ImageFolder(str(folder), pipeline=[]), pipeline=[])
    return [text for text in texts if '16-bit' in text]


@pytest.mark.parametrize('suspect', [1, 4095])
def test_12_bits_are_told_of(suspect, tmp_path, monkeypatch):
    [text] = warnings_of(tmp_path, [0, suspect], monkeypatch)
    assert '1.tif is the brightest' in text
    assert f'with {suspect} of 65535' in text


@pytest.mark.parametrize('peaks', [[0, 4096], [65535], []])
def test_others_are_not(peaks, tmp_path, monkeypatch):
    assert not warnings_of(tmp_path, peaks, monkeypatch)
