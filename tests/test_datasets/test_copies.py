"""Copies of a data set, in memory, in a file and in a spawned worker."""

import copy
import pickle

import pytest
from torch.utils.data import DataLoader

from siameseim.datasets import ImageFolder, PretrainDataset
from tests.test_datasets.test_packed import assert_same


@pytest.fixture
def dataset(folder, pipeline):
    """Of twelve images, the fourth of which is damaged."""
    victim = sorted(folder.rglob('*.jpg'))[3]
    victim.write_bytes(victim.read_bytes()[:200])
    return PretrainDataset(ImageFolder(str(folder)), pipeline(), cache=True)


@pytest.mark.parametrize(
    'duplicate',
    [copy.copy, copy.deepcopy, lambda data: pickle.loads(pickle.dumps(data))],
)
def test_a_copy_gives_the_same_samples(dataset, duplicate):
    other = duplicate(dataset)
    assert_same([*other], [*dataset])
    assert other.num_unreadable == dataset.num_unreadable == 1


def test_a_deep_copy_counts_for_itself(dataset):
    other = copy.deepcopy(dataset)
    other[3]
    assert (dataset.num_unreadable, other.num_unreadable) == (0, 1)


@pytest.mark.parametrize(
    'method', ['fork', pytest.param('spawn', marks=pytest.mark.slow)]
)
def test_workers_of_a_copy_tell_it_what_they_met(dataset, method):
    other = copy.deepcopy(dataset)
    loader = DataLoader(
        other,
        batch_size=4,
        num_workers=1,
        collate_fn=list,
        multiprocessing_context=method,
    )
    made = [sample for batch in loader for sample in batch]
    assert_same(made, [*dataset])
    assert (other.num_unreadable, bool(other._cache._done[5])) == (1, True)
