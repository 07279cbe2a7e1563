"""A labelled image that OpenCV cannot read ends a tool in one line."""

import importlib

import pytest
from mmcv.transforms import LoadImageFromFile
from torch.utils.data import DataLoader

from siameseim.launch.tool_errors import one_line_for

CURE = (
    'replace it, or take it out of the data (a training goes on with --resume)'
)


@one_line_for(OSError, ValueError)
def load(path, workers):
    read = LoadImageFromFile()
    loader = DataLoader(
        [dict(img_path=str(path))],
        num_workers=workers,
        collate_fn=lambda images: read(images[0]),
    )
    next(iter(loader))


@pytest.mark.parametrize('workers', [0, 1])
def test_an_image_that_is_not_one_is_named(tmp_path, workers):
    path = tmp_path / 'a cat.jpg'
    path.write_text('<html>not found</html>')

    with pytest.raises(SystemExit) as end:
        load(path, workers)

    assert str(end.value) == (
        f'error: OpenCV cannot read the image {path}: {CURE}'
    )


@pytest.mark.parametrize('workers', [0, 1])
def test_an_empty_file_is_told_with_how_to_find_it(tmp_path, workers):
    path = tmp_path / 'a cat.jpg'
    path.touch()

    with pytest.raises(SystemExit) as end:
        load(path, workers)

    assert str(end.value) == (
        'error: an image file is empty (`find FOLDER -empty` names it): '
        f'{CURE}'
    )


def test_a_loader_of_ones_own_keeps_its_traceback(tmp_path, monkeypatch):
    """Where it meets an empty buffer in a worker there may be no file."""
    code = (
        'import cv2, numpy\n\n\ndef read(_):\n'
        '    return cv2.imdecode(numpy.zeros(0, numpy.uint8), 1)\n'
    )
    (tmp_path / 'reader_of_mine.py').write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    own = importlib.import_module('reader_of_mine').read
    loader = DataLoader([0], num_workers=1, collate_fn=own)
    with pytest.raises(Exception, match='buf.empty'), one_line_for():
        next(iter(loader))
