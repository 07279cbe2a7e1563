"""Real images of ../shared/data, unpacked and cut to a few a class."""

import tarfile

import pytest

from tests.transfer_fixtures import fresh_visualizer, weights  # noqa: F401


def _unpack(shared, names, folder, wanted):
    """The first few files of each class folder of some tar files."""
    counts = {}
    for name in names:
        path = shared / 'data' / name
        if not path.is_file():
            pytest.skip(f'needs {path}')
        with tarfile.open(path) as tar:
            for member in tar:
                parent = member.name.rpartition('/')[0]
                if member.isfile() and counts.get(parent, 0) < wanted:
                    counts[parent] = counts.get(parent, 0) + 1
                    tar.extract(member, folder, filter='data')
    return folder


@pytest.fixture(scope='session')
def imagenette(shared, tmp_path_factory):
    """8 training and 8 validation images of each of the 10 classes."""
    names = ['imagenette_128_train.tar', 'imagenette_128_val.tar']
    folder = tmp_path_factory.mktemp('imagenette')
    return _unpack(shared, names, folder, 8) / 'imagenette'


@pytest.fixture(scope='session')
def cifar10(shared, tmp_path_factory):
    """8 training and 8 test images of each of the 10 classes."""
    folder = tmp_path_factory.mktemp('cifar10')
    return _unpack(shared, ['cifar10_20k.tar'], folder, 8)
