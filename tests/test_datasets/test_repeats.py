"""Several passes over the images in one epoch."""

from collections import Counter

import pytest
import torch

from siameseim.datasets import PretrainDataset, ResumableSampler


@pytest.fixture
def repeated(folder, pipeline):
    def make(repeats=3, **options):
        return PretrainDataset(
            dict(type='ImageFolder', data_root=str(folder)),
            pipeline(),
            repeats=repeats,
            **options,
        )

    return make


def views(dataset, key):
    return torch.stack(dataset[key]['inputs'])


@pytest.mark.parametrize('cache', [False, True])
def test_an_epoch_has_every_image_so_often_with_other_views(repeated, cache):
    dataset = repeated(cache=cache)
    assert len(dataset) == 36
    keys = list(ResumableSampler(dataset, seed=0))
    items = [dataset[key] for key in keys]
    seen = Counter(int(item['data_samples']['sample_idx']) for item in items)
    assert seen == dict.fromkeys(range(12), 3)
    pixels = {item['inputs'][0].numpy().tobytes() for item in items}
    assert len(pixels) == 36


def test_the_first_pass_is_that_of_a_dataset_without_repeats(repeated):
    once, often = repeated(1), repeated(3)
    for index in range(12):
        assert views(once, index).equal(views(often, index))


def test_a_damaged_file_is_replaced_in_every_pass_and_named_once(
    repeated, folder, log_file
):
    (folder / 'a_damaged.jpg').write_text('no image')
    dataset = repeated()
    for key in range(len(dataset)):
        dataset[key]
    assert dataset.num_unreadable == 1
    assert log_file.read_text().count('a_damaged.jpg (') == 1


@pytest.mark.parametrize('repeats', [0, 1.5, 'two', None])
def test_less_than_one_pass_is_refused(repeated, repeats):
    with pytest.raises(ValueError, match=f'from 1 on, not {repeats!r}'):
        repeated(repeats)
