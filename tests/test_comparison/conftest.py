"""Class folders of tiny images, and tools/compare.py made small."""

from pathlib import Path

import pytest

from tests.test_evaluation.conftest import write_classes
from tests.transfer_fixtures import tool


@pytest.fixture(scope='session')
def labelled_data(tmp_path_factory) -> Path:
    """Two classes, bright and dark noise: 12 images each, twice."""
    folder = tmp_path_factory.mktemp('labelled')
    greys = dict(bright=(190, 190, 190), dark=(60, 60, 60))
    for seed, split in enumerate(('train', 'val')):
        write_classes(folder / split, 12, seed, greys)
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
