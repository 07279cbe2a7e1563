"""A folder per class in train and val, and what is none."""

import errno
import os

import numpy as np
import pytest
from PIL import Image

from siameseim.datasets import source_image
from siameseim.datasets.class_folders import (
    class_names,
    labelled_files,
    labelled_root,
    read_image,
    split_folders,
)
from siameseim.errors import InputError


def made(root, *folders):
    for name in folders:
        (root / name).mkdir(parents=True)
    return root


def test_a_missing_split_is_named(tmp_path):
    with pytest.raises(
        FileNotFoundError, match='train/cat/1.jpg.*holds photos'
    ):
        split_folders(made(tmp_path, 'photos'))


def test_only_a_test_can_do_without_training_images(tmp_path):
    root = made(tmp_path, 'test/a')
    split = (root / 'train', root / 'test')
    assert split_folders(root, needs_train=False) == split
    with pytest.raises(FileNotFoundError, match='it holds test'):
        split_folders(root)


@pytest.mark.parametrize(
    ('folders', 'found'),
    [
        (['train/a', 'val/a'], True),
        (['train/a', 'test/a'], True),
        (['train/a', 'val/b'], False),
        (['train/a'], False),
    ],
)
def test_labels_beside_training_images_are_found(tmp_path, folders, found):
    root = made(tmp_path, *folders)
    assert labelled_root(root / 'train') == (root if found else None)
    assert labelled_root(root / 'train' / 'a') is None


def test_a_training_on_what_is_measured_on_gets_no_hint(tmp_path):
    root = made(tmp_path, 'train/a', 'val/a')
    assert labelled_root(root / 'val') is None


def test_a_folder_of_a_million_images_is_not_looked_at_one_by_one(
    tmp_path, monkeypatch
):
    """On a file server that would take minutes."""
    root = made(tmp_path, 'train/a')
    (root / 'train/1.jpg').touch()
    asked, stat = [], os.stat
    monkeypatch.setattr(
        os, 'stat', lambda path, **how: asked.append(path) or stat(path, **how)
    )
    assert class_names(root / 'train') == ['a']
    assert root / 'train/1.jpg' not in asked


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


def test_links_to_folders_are_classes_and_links_to_themselves_are_none(
    tmp_path,
):
    root = made(tmp_path, 'a', 'elsewhere/b')
    for name, target in (('b', 'elsewhere/b'), ('loop', 'loop')):
        (root / name).symlink_to(target)
    assert class_names(root) == ['a', 'b', 'elsewhere']


def test_links_back_give_no_image_twice_and_none_another_label(tmp_path):
    root = made(tmp_path, 'a', 'b')
    for name in ('a/1.png', 'b/2.png'):
        (root / name).touch()
    (root / 'a/loop').symlink_to('.')
    (root / 'b/up').symlink_to('..')
    assert labelled_files(str(root), {'a': 0, 'b': 1}) == [
        (f'{root}/a/1.png', 0),
        (f'{root}/b/2.png', 1),
    ]


def test_labelled_files_are_sorted_by_class_folder_and_name(tmp_path):
    """As torchvision sorts them, on which drawn subsets depend."""
    names = ['a/2.png', 'a/0/1.png', 'a/3/1.png', 'a-b/1.png']
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / '9.png').touch()  # in no class
    found = labelled_files(str(tmp_path), {'a': 0, 'a-b': 1})
    assert [os.path.relpath(path, tmp_path) for path, _ in found] == names


def test_a_pipe_or_broken_link_among_labelled_images_is_named(tmp_path):
    """To read a pipe would wait for ever."""
    made(tmp_path, 'a')
    os.mkfifo(tmp_path / 'a/1.png')
    with pytest.raises(InputError, match=r'/a/1.png .*\(no file\): mend'):
        labelled_files(str(tmp_path), {'a': 0})


def test_a_class_without_images_is_named(tmp_path):
    root = made(tmp_path, 'a', 'b')
    (root / 'a/1.png').touch()
    (root / 'b/2.txt').touch()
    with pytest.raises(FileNotFoundError, match=f'{root} .*without .*: b: '):
        labelled_files(str(root), {'a': 0, 'b': 1})


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
    def fail(info):
        raise raised

    monkeypatch.setattr(source_image, '_content', fail)
    with pytest.raises(kind) as error:
        read_image('a.png')
    assert error.type is kind


def test_a_file_that_is_no_image_is_named_without_an_address(tmp_path):
    path = tmp_path / 'a.png'
    path.write_text('no image')
    with pytest.raises(InputError, match=r'/a\.png .* image format\): mend'):
        read_image(str(path))


def test_labelled_images_are_read_as_in_pretraining(tmp_path):
    """16 bits are scaled, not clipped to white, and photographs upright."""
    deep = np.arange(12, dtype=np.uint16).reshape(3, 4) * 5000
    Image.fromarray(deep).save(tmp_path / 'deep.tif')
    found = np.asarray(read_image(str(tmp_path / 'deep.tif')))
    np.testing.assert_array_equal(found[..., 1], np.round(deep / 257))
    exif = Image.Exif()
    exif[0x112] = 6  # turned by a quarter
    Image.new('RGB', (4, 3)).save(tmp_path / 'turned.jpg', exif=exif)
    assert read_image(str(tmp_path / 'turned.jpg')).size == (3, 4)
