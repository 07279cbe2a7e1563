"""Any folder of images, in an order that never changes."""

import errno
import os
from pathlib import Path

import pytest
from mmpretrain.registry import DATASETS

from siameseim.datasets import ImageFolder
from siameseim.datasets.image_folder import image_extensions


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def paths(dataset: ImageFolder) -> list[str]:
    return [
        os.path.relpath(
            dataset.get_data_info(i)['img_path'], dataset.img_prefix
        )
        for i in range(len(dataset))
    ]


def test_images_at_any_depth_sorted_by_path(tmp_path):
    touch(tmp_path, 'b/x.png', 'a/deep/er/y.JPEG', 'z.webp', 'b.tif', 'c.JP2')
    touch(tmp_path, 'notes.txt', 'a/labels.json', 'a/video.mpeg', 'x.h5')
    dataset = DATASETS.build(dict(type='ImageFolder', data_root=str(tmp_path)))
    assert paths(dataset) == [
        'a/deep/er/y.JPEG',
        'b.tif',
        'b/x.png',
        'c.JP2',
        'z.webp',
    ]


def test_hidden_files_and_folders_are_left_out(tmp_path):
    touch(tmp_path, '.thumbs/a.jpg', '._b.jpg', 'c.jpg')
    assert paths(ImageFolder(str(tmp_path))) == ['c.jpg']


def test_links_are_followed_and_loops_end(tmp_path):
    touch(tmp_path, 'real/a.jpg', 'data/b.jpg')
    (tmp_path / 'data/link').symlink_to(tmp_path / 'real')
    (tmp_path / 'data/c.jpg').symlink_to(tmp_path / 'real/a.jpg')
    (tmp_path / 'real/loop').symlink_to(tmp_path / 'data')
    (tmp_path / 'data/broken.jpg').symlink_to(tmp_path / 'nowhere')
    dataset = ImageFolder(str(tmp_path / 'data'))
    assert paths(dataset) == ['b.jpg', 'c.jpg', 'link/a.jpg']


def test_a_subfolder_that_may_not_be_read_is_named_and_left_out(
    tmp_path, monkeypatch, log_file
):
    touch(tmp_path, 'data/a.jpg', 'data/lost+found/b.jpg', 'data/c/d.jpg')
    (tmp_path / 'data/loop').symlink_to('loop')
    scan = os.scandir

    def refuse(path):
        if path.rstrip('/').endswith(('lost+found', 'private')):
            raise PermissionError(errno.EACCES, 'Permission denied', path)
        return scan(path)

    monkeypatch.setattr(os, 'scandir', refuse)
    assert paths(ImageFolder(str(tmp_path / 'data'))) == ['a.jpg', 'c/d.jpg']
    said = log_file.read_text()
    assert '2 folders or links: loop (Too many levels' in said
    assert 'lost+found (Permission denied)' in said
    (tmp_path / 'private').mkdir()
    with pytest.raises(PermissionError, match='private'):
        ImageFolder(str(tmp_path / 'private'))


def test_a_disk_that_fails_during_the_scan_is_an_error(tmp_path, monkeypatch):
    touch(tmp_path, 'a.jpg', 'b/c.jpg')
    scan = os.scandir

    def fail(path):
        if path.endswith('b'):
            raise OSError(errno.EIO, 'Input/output error', path)
        return scan(path)

    monkeypatch.setattr(os, 'scandir', fail)
    with pytest.raises(OSError, match='Input/output error'):
        ImageFolder(str(tmp_path))


def test_links_that_lead_nowhere_are_told_of(tmp_path, log_file):
    folder = tmp_path / 'data'
    folder.mkdir()
    for name in ('1.jpg', '2.jpg'):
        (folder / name).symlink_to('/gone')
    with pytest.raises(FileNotFoundError, match='2 x link to nothing'):
        ImageFolder(str(folder))
    touch(folder, '3.jpg')
    assert paths(ImageFolder(str(folder))) == ['3.jpg']
    assert '1.jpg (link to nothing), 2.jpg' in log_file.read_text()


def test_what_is_neither_file_nor_folder_is_told_of(tmp_path):
    os.mkfifo(tmp_path / 'a.jpg')  # to read it would wait for ever
    with pytest.raises(FileNotFoundError, match='1 x no file'):
        ImageFolder(str(tmp_path))


def test_files_that_are_no_images_are_counted(tmp_path, log_file):
    touch(tmp_path / 'data', 'a.png', 'a/b.txt', 'a/c.txt', 'd')
    assert len(ImageFolder(str(tmp_path / 'data'))) == 1
    assert (
        'endings are of no images that Pillow reads: 2 x .txt, 1 x no extens'
    ) in log_file.read_text()


def test_extensions_can_be_named(tmp_path):
    touch(tmp_path, 'a.jpg', 'b.scan')
    assert paths(ImageFolder(str(tmp_path), extensions=['.scan'])) == [
        'b.scan'
    ]


def test_formats_pillow_cannot_draw_are_no_images():
    extensions = image_extensions()
    assert {'.jpg', '.jpeg', '.png', '.webp', '.tif', '.gif'} <= set(
        extensions
    )
    assert not {'.h5', '.mpg', '.pdf', '.eps', '.wmf'} & set(extensions)


def test_a_folder_without_images_says_what_was_looked_for(tmp_path):
    touch(tmp_path, 'a.npy', 'b/c.npy', 'README')
    with pytest.raises(FileNotFoundError) as error:
        ImageFolder(str(tmp_path))
    text = str(error.value)
    assert str(tmp_path) in text
    assert '.jpeg' in text and '2 x .npy' in text
    assert 'extensions=' in text


def test_a_missing_folder_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError) as error:
        ImageFolder('no/such')
    assert str(tmp_path / 'no/such') in str(error.value)


def test_an_archive_is_named_as_the_mistake(tmp_path):
    touch(tmp_path, 'data.tar')
    with pytest.raises(NotADirectoryError, match='unpack other'):
        ImageFolder(str(tmp_path / 'data.tar'))


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    touch(tmp_path, 'pictures/a.jpg')
    assert paths(ImageFolder('~/pictures')) == ['a.jpg']
