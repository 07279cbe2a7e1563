"""Fixtures of the detection tests."""

import json

import pytest

from siameseim.detection.annotation_file import read_annotations
from tests.transfer_fixtures import fresh_visualizer, weights  # noqa: F401


@pytest.fixture
def written(tmp_path):
    """Writes annotations of two images and three categories, and reads."""

    def write(*annotations):
        names = ['bolt', 'nut', 'washer']
        contents = dict(
            images=[
                dict(id=i, file_name=f'{i}.jpg', width=100, height=50)
                for i in (1, 2)
            ],
            categories=[dict(id=i, name=n) for i, n in enumerate(names, 1)],
            annotations=annotations,
        )
        path = tmp_path / 'own.json'
        path.write_text(json.dumps(contents))
        return read_annotations(str(path))

    return write


@pytest.fixture
def command(weights, shared, tmp_path):  # noqa: F811
    """What trains the smallest config on the tests' COCO."""
    from tests.test_detection.test_configs import PLAIN, argv

    return argv(PLAIN, weights, shared, tmp_path)


@pytest.fixture
def change(command, tmp_path):
    """Changes one file of the tests' COCO."""

    def rewrite(split, edit):
        path = tmp_path / f'coco/annotations/instances_{split}2017.json'
        contents = json.loads(path.read_text())
        edit(contents)
        path.write_text(json.dumps(contents))

    return rewrite
