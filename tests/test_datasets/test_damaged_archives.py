"""Archives that end too early, and what is left out of whole ones."""

import os
import shutil
import tarfile

import pytest

from siameseim.datasets import TarImages


@pytest.fixture
def archive(folder, tmp_path):
    """All of the folder's twelve images in one archive."""
    path = tmp_path / 'images.tar'
    with tarfile.open(path, 'w') as tar:
        for file in sorted(folder.rglob('*.jpg')):
            tar.add(file, arcname=file.name)
    return path


@pytest.fixture
def sixth(archive):
    """Where the header of the sixth image begins."""
    with tarfile.open(archive) as tar:
        return tar.getmembers()[5].offset


@pytest.mark.parametrize('content', [b'no header', bytes(512)])
def test_a_damaged_header_does_not_pass_for_the_end(archive, sixth, content):
    with archive.open('r+b') as file:
        file.seek(sixth)
        file.write(content)
    with pytest.raises(ValueError, match=f'at byte {sixth}') as error:
        len(TarImages(str(archive)))
    assert str(archive) in str(error.value)


def test_an_archive_cut_within_a_header_is_named(archive, sixth):
    os.truncate(archive, sixth + 200)
    with pytest.raises(ValueError, match=f'at byte {sixth}.*fetch it again'):
        len(TarImages(str(archive)))


def test_archives_cut_between_two_members_are_told(archive, sixth, log_file):
    """In one line, as there may be thousands of shards."""
    os.truncate(archive, sixth)
    shutil.copy(archive, archive.with_name('more.tar'))
    assert len(TarImages(str(archive.parent))) == 10
    log = log_file.read_text()
    assert f'2 archives lack the zeros at the end ({archive}, ' in log
    assert log.count('WARNING') == 1


def test_room_reserved_for_what_did_not_arrive_is_told(
    archive, sixth, log_file
):
    os.truncate(archive, sixth)
    os.truncate(archive, sixth + 2**20)
    assert len(TarImages(str(archive))) == 5
    assert 'or have more than 1 MiB of them' in log_file.read_text()


def test_joined_archives_are_refused(archive):
    """Only the first would be read."""
    archive.write_bytes(2 * archive.read_bytes())
    with pytest.raises(ValueError, match='several archives were joined'):
        len(TarImages(str(archive)))


def test_archives_in_an_archive_are_named(archive, tmp_path):
    """As in that of ImageNet."""
    with tarfile.open(tmp_path / 'outer.tar', 'w') as outer:
        outer.add(archive, arcname='n01440764.tar')
    with pytest.raises(FileNotFoundError, match=r'1 x \.tar .*unpacked'):
        len(TarImages(str(tmp_path / 'outer.tar')))


def test_members_that_are_no_images_are_counted(archive, tmp_path, log_file):
    (tmp_path / 'a.json').touch()
    with tarfile.open(archive, 'a') as tar:
        tar.add(tmp_path / 'a.json', arcname='a.json')
    assert len(TarImages(str(archive))) == 12
    assert 'no images that Pillow reads: 1 x .json' in log_file.read_text()


@pytest.mark.parametrize('link', [os.link, os.symlink])
def test_links_to_images_are_counted(folder, tmp_path, log_file, link):
    link(folder / 'class_0/00.jpg', folder / 'class_0/link.jpg')
    with tarfile.open(tmp_path / 'images.tar', 'w') as tar:
        tar.add(folder, arcname='photos')
    assert len(TarImages(str(tmp_path / 'images.tar'))) == 12
    assert '1 links to images' in log_file.read_text()


def test_a_sparse_image_is_counted_and_not_read_as_it_lies(archive, log_file):
    """`tar -S` stores none of its zeros."""
    member = tarfile.TarInfo('sparse.bmp')
    member.pax_headers = {'GNU.sparse.map': '0,2', 'GNU.sparse.size': '999'}
    with tarfile.open(archive, 'a') as tar:
        tar.addfile(member)
    assert len(TarImages(str(archive))) == 12
    assert '1 links to images or sparse files' in log_file.read_text()
