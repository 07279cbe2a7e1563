"""What must be the same for a run to go on."""

import ntpath
import re
from hashlib import sha256
from types import SimpleNamespace

import pytest
from mmengine.dataset import (
    BaseDataset,
    ClassBalancedDataset,
    ConcatDataset,
    RepeatDataset,
)

from siameseim.checkpoints import resume_state
from siameseim.checkpoints.resume_state import (
    check_processes,
    check_state,
    make_state,
)
from siameseim.errors import InputError
from tests.two_processes import run_in_two


class Images(list):
    """A data set that gives each of its images several times an epoch."""

    def __init__(self, images, repeats):
        super().__init__(range(images * repeats))
        self.repeats = repeats


class Files(BaseDataset):
    """A stock data set of paths, each of a class of its own."""

    def __init__(self, *paths):
        self.paths = paths
        super().__init__()

    def load_data_list(self):
        return [dict(img_path=path) for path in self.paths]

    def get_cat_ids(self, index):
        return [index]


def run_on(images, repeats):
    return SimpleNamespace(
        train_dataloader=SimpleNamespace(
            dataset=Images(images, repeats), batch_size=4
        ),
        optim_wrapper=SimpleNamespace(accumulation=1),
        seed=0,
        _load_from='work/epoch_1.pth',
    )


@pytest.mark.parametrize('folder', ['/a/', 'C:\\a\\', 'C:\\a/'])
def test_a_folder_may_be_moved_also_on_windows(monkeypatch, folder):
    if ':' in folder:
        monkeypatch.setattr('os.path', ntpath)
    images = Files(*[f'{folder}1.jpg'] * 3)
    digest = resume_state.hash_of_names(SimpleNamespace(dataset=images))
    assert digest == sha256(b'1.jpg/1.jpg/1.jpg').hexdigest()[:8]


def test_other_repeats_are_told_from_other_images():
    state = make_state(run_on(12, 2))
    assert check_state(run_on(12, 2), state)
    with pytest.raises(InputError) as error:
        check_state(run_on(12, 3), state)
    text = 'times that an image comes in an epoch was 2, now is 3'
    assert text in str(error.value)
    assert 'number of images' not in str(error.value)
    with pytest.raises(InputError, match='images was 12, now is 8'):
        check_state(run_on(8, 3), state)


def test_as_many_images_in_other_processes_go_on_up_to_rounding(monkeypatch):
    state = make_state(run_on(12, 1))  # 4 images in one process
    monkeypatch.setattr(resume_state, 'get_world_size', lambda: 2)
    run = run_on(12, 1)
    with pytest.raises(InputError, match='iteration was 4, now is 8'):
        check_state(run, state)
    run.train_dataloader.batch_size = 2
    assert not check_state(run, state)


def run_on_files(*paths):
    run = run_on(len(paths), 1)
    run.train_dataloader.dataset.dataset = Files(*paths)
    return run


def test_as_many_other_files_are_told_from_a_folder_that_was_moved():
    state = make_state(run_on_files('a/x/1.png', 'a/2.png'))
    assert check_state(run_on_files('/b/x/1.png', '/b/2.png'), state)
    with pytest.raises(InputError, match='names of the images'):
        check_state(run_on_files('a/x/1.png', 'a/3.png'), state)


def difference(rank, images, files):
    run = run_on_files(*(f'{i}.png' for i in range(images[rank])))
    run._resume = files[rank] is not None
    run._load_from = files[rank]
    try:
        check_processes(run)
    except InputError as error:
        return str(error)


@pytest.mark.parametrize(
    ('images', 'files', 'said'),
    [
        ((3, 2), (None, None), r'number of images is \[3, 2\]'),
        ((3, 3), ('w/epoch_2.pth', None), r"is \['epoch_2.pth', None\]"),
    ],
)
def test_processes_that_would_train_on_other_things_are_refused(
    images, files, said
):
    for message in run_in_two(difference, images, files):
        assert re.search(said, message)


@pytest.mark.parametrize(
    ('wrapper', 'repeats'),
    [
        (lambda files: files, False),
        (lambda files: ConcatDataset([files]), False),
        (lambda files: RepeatDataset(files, times=20), True),
        (lambda files: ClassBalancedDataset(files, oversample_thr=1.0), True),
    ],
)
def test_images_of_the_toolboxes_are_named_once(wrapper, repeats):
    """Those of LVIS come in a wrapper, the rare ones more often."""
    run = run_on(0, 1)
    run.train_dataloader.dataset = wrapper(Files('a/1.png', 'b/2.png'))
    state = make_state(run)
    assert (state['number of images'] > 2) == repeats
    assert state[resume_state._NAMES] == sha256(b'1.png/2.png').hexdigest()[:8]


@pytest.mark.parametrize(('own', 'size'), [(dict(batch_size=3), 3), ({}, 0)])
def test_batches_of_a_sampler_of_their_own_are_counted(own, size):
    """A loader that is given one knows no size of batches; nor may that."""
    run = run_on(12, 1)
    run.train_dataloader.batch_size = None
    run.train_dataloader.batch_sampler = SimpleNamespace(**own)
    assert make_state(run)['images per iteration'] == size


def test_processes_that_agree_may_train():
    same = run_in_two(difference, (3, 3), ('/a/epoch_2.pth', '/b/epoch_2.pth'))
    assert same == [None, None]
