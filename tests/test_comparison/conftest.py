"""Class folders of tiny images, and tools/compare.py made small."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.transfer_fixtures import tool


@pytest.fixture(scope='session')
def labelled_data(tmp_path_factory) -> Path:
    """Two classes, bright and dark noise: 12 images each, twice."""
    folder = tmp_path_factory.mktemp('labelled')
    rng = np.random.default_rng(0)
    for split in ('train', 'val'):
        for name, low in (('bright', 128), ('dark', 0)):
            place = folder / split / name
            place.mkdir(parents=True)
            for i in range(12):
                pixels = rng.integers(low, low + 120, (72, 70, 3), np.uint8)
                Image.fromarray(pixels).save(place / f'{i}.png')
    return folder


@pytest.fixture(scope='session')
def compare():
    """tools/compare.py as a module."""
    return tool('compare')


@pytest.fixture
def small(labelled_data, tmp_path) -> list[str]:
    """Arguments that make a run of a row take a second."""
    return [
        '--data', str(labelled_data), '--out', str(tmp_path / 'results'),
        '--workers', '0', '--cfg-options', 'train_dataloader.batch_size=8',
        'model.backbone.arch.num_layers=1', 'log_level=ERROR',
    ]  # fmt: skip
