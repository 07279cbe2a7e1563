"""A folder per class in train and val, and what is none."""

import errno

import pytest

from siameseim.datasets import class_folders
from siameseim.datasets.class_folders import (
    class_names,
    read_image,
    split_folders,
)
from siameseim.errors import InputError


def made(root, *folders):
    for name in folders:
        (root / name).mkdir(parents=True)
    return root


def test_a_missing_split_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='train and val.*holds photos'):
        split_folders(made(tmp_path, 'photos'))


def test_only_a_test_can_do_without_training_images(tmp_path):
    root = made(tmp_path, 'test/a')
    split = (root / 'train', root / 'test')
    assert split_folders(root, needs_train=False) == split
    with pytest.raises(FileNotFoundError, match='it holds test'):
        split_folders(root)


def test_splits_are_found_in_the_home_folder(tmp_path, monkeypatch):
    root = made(tmp_path, 'data/train/a', 'data/val/a') / 'data'
    monkeypatch.setenv('HOME', str(tmp_path))
    assert split_folders('~/data') == (root / 'train', root / 'val')


def test_a_split_without_class_folders_is_named(tmp_path):
    root = made(tmp_path, 'train/a', 'val/.thumbs')
    (root / 'val/1.png').touch()
    with pytest.raises(FileNotFoundError, match='/val has .* one folder of i'):
        split_folders(root)


def test_hidden_folders_and_files_are_no_classes(tmp_path):
    root = made(tmp_path, 'b', 'a', '.ipynb_checkpoints')
    (root / 'c').touch()
    assert class_names(root) == ['a', 'b']


@pytest.mark.parametrize(
    ('raised', 'kind'),
    [
        (OSError(errno.EIO, 'Input/output error'), InputError),
        (FileNotFoundError(errno.ENOENT, 'No such file'), InputError),
        (SyntaxError('broken PNG file'), InputError),
        (OSError(errno.EMFILE, 'Too many open files'), OSError),
        (MemoryError(), MemoryError),
    ],
)
def test_only_what_is_of_the_image_is_blamed_on_it(monkeypatch, raised, kind):
    def fail(path):
        raise raised

    monkeypatch.setattr(class_folders, 'default_loader', fail)
    with pytest.raises(kind) as error:
        read_image('a.png')
    assert error.type is kind


def test_a_file_that_is_no_image_is_named_without_an_address(tmp_path):
    path = tmp_path / 'a.png'
    path.write_text('no image')
    with pytest.raises(InputError, match=r'/a\.png .* image file\): mend'):
        read_image(str(path))
