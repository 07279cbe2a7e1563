"""Tar archives, WebDataset shards and LMDBs give the images of a folder."""

import io
import os
import pickle
import shutil
import tarfile
from functools import partial

import pytest
import torch

from siameseim.datasets import (
    ImageFolder,
    LmdbImages,
    PretrainDataset,
    TarImages,
    data_source,
)
from siameseim.errors import InputError
from tests.test_datasets.conftest import write_lmdb


@pytest.fixture
def archive(folder, tmp_path):
    """All of the folder's images in one archive."""
    path = tmp_path / 'images.tar'
    with tarfile.open(path, 'w') as tar:
        tar.add(folder, arcname='photos')
    return path


@pytest.fixture
def shards(folder, tmp_path):
    """Two WebDataset shards: each sample an image, a class and JSON."""
    out = tmp_path / 'shards'
    out.mkdir()
    files = sorted(folder.rglob('*.jpg'))
    for number, part in enumerate((files[:7], files[7:])):
        with tarfile.open(out / f'{number:04d}.tar', 'w') as tar:
            for i, file in enumerate(part):
                tar.add(file, arcname=f'{number:02d}{i:04d}.jpg')
                for ending, text in (('cls', b'3'), ('json', b'{}')):
                    info = tarfile.TarInfo(f'{number:02d}{i:04d}.{ending}')
                    info.size = len(text)
                    tar.addfile(info, io.BytesIO(text))
    (out / 'index.json').write_text('{}')
    return out


def samples(dataset, pipeline, keys=range(30)):
    made = PretrainDataset(dataset, pipeline())
    return [made[key] for key in keys]


assert_same = partial(torch.testing.assert_close, rtol=0, atol=0)


@pytest.mark.parametrize('packed', ['archive', 'shards'])
def test_samples_are_those_of_the_folder(packed, folder, pipeline, request):
    path = request.getfixturevalue(packed)
    dataset = TarImages(str(path))
    assert len(dataset) == 12
    expected = samples(ImageFolder(str(folder)), pipeline)
    assert_same(samples(dataset, pipeline), expected)


def test_the_first_images_of_packed_ones_are_chosen(folder, archive, tmp_path):
    files = sorted(folder.rglob('*.jpg'))[:3]
    lmdb = {file.name.encode(): file.read_bytes() for file in files}
    path = write_lmdb(tmp_path, lmdb)
    for dataset in (TarImages(str(archive)), LmdbImages(str(path))):
        names = [info['img_path'] for info in dataset]
        first = type(dataset)(dataset.data_root, indices=2)
        assert [info['img_path'] for info in first] == names[:2]


@pytest.mark.parametrize('kind', [TarImages, LmdbImages])
def test_what_packed_images_would_pass_over_is_refused(kind):
    with pytest.raises(TypeError, match="argument 'data_prefix'"):
        kind('images', data_prefix='train')


def test_any_order_and_any_process_read_the_same(archive, pipeline):
    """No stream: the last first, and from a copy as a worker gets it."""
    dataset = TarImages(str(archive))
    forward = samples(dataset, pipeline, range(12))
    copy = pickle.loads(pickle.dumps(TarImages(str(archive))))
    backward = samples(copy, pipeline, reversed(range(12)))
    assert_same(backward[::-1], forward)


def test_the_small_real_archive_just_works(shared):
    path = shared / 'data/imagenette_128_train.tar'
    dataset = TarImages(str(path))
    assert len(dataset) == 9469
    with tarfile.open(path) as tar:
        name = dataset.get_data_info(5000)['img_path'].removeprefix(f'{path}/')
        expected = tar.extractfile(name).read()
    info = dataset.get_data_info(5000)
    content = path.read_bytes()[info['offset'] :][: info['size']]
    assert content == expected


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda path: path.write_bytes(b'no archive'), 'broke off'),
        (lambda path: tarfile.open(path, 'w:gz').close(), 'decompress it'),
        (lambda path: tarfile.open(path, 'w').close(), 'no image in'),
    ],
)
def test_archives_that_cannot_be_used_are_named(tmp_path, make, message):
    path = tmp_path / 'broken.tar'
    make(path)
    with pytest.raises((ValueError, OSError), match=message) as error:
        len(TarImages(str(path)))
    assert str(path) in str(error.value)


def test_an_archive_whose_transfer_broke_off_is_named(archive):
    content = archive.read_bytes()
    archive.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match='fetch it again'):
        len(TarImages(str(archive)))


def test_the_command_line_path_chooses_the_dataset(
    folder, archive, shards, tmp_path
):
    def kind(path):
        return data_source(str(path))['type']

    (shards / '.thumbs').mkdir()
    other = tmp_path / 'old.tar.parts/images.zip'
    other.parent.mkdir()
    other.touch()
    assert kind(folder) == 'ImageFolder'
    assert kind(other) == 'ImageFolder'  # which says that it is none
    assert kind(archive) == 'TarImages'
    assert kind(shards) == 'TarImages'
    assert kind(tmp_path) == 'ImageFolder'  # an archive beside folders
    assert kind(tmp_path / 'absent') == 'ImageFolder'
    assert kind('train.tar.gz') == 'ImageFolder'  # absent, too
    assert kind('imagenet.lmdb/') == 'LmdbImages'  # as a shell completes it
    (tmp_path / 'lmdb').mkdir()
    (tmp_path / 'lmdb/data.mdb').touch()
    assert kind(tmp_path / 'lmdb') == 'LmdbImages'


@pytest.mark.parametrize('subdir', [True, False])
def test_an_lmdb_gives_the_images_of_the_folder(
    folder, pipeline, tmp_path, subdir
):
    images = {
        str(file.relative_to(folder)).encode(): file.read_bytes()
        for file in folder.rglob('*.jpg')
    }
    path = write_lmdb(tmp_path, {**images, b'__len__': b'12'}, subdir=subdir)
    dataset = LmdbImages(str(path))
    assert len(dataset) == 12
    expected = samples(ImageFolder(str(folder)), pipeline)
    assert_same(samples(dataset, pipeline), expected)


def test_an_lmdb_may_have_any_keys(folder, pipeline, tmp_path):
    """UTF-8 and Latin-1; in the order of their bytes."""
    first, second, *_ = sorted(folder.rglob('*.jpg'))
    images = {
        '\xe9t\xe9.jpg'.encode(): first.read_bytes(),
        '\xe9t\xe9.jpg'.encode('latin-1'): second.read_bytes(),
    }
    dataset = LmdbImages(str(write_lmdb(tmp_path, images)))
    assert dataset.get_data_info(0)['img_path'] == '\xe9t\xe9.jpg'
    expected = samples(ImageFolder(str(folder)), pipeline, range(2))
    assert_same(samples(dataset, pipeline, range(2)), expected)


def test_an_lmdb_is_read_in_two_places_of_a_run(folder, pipeline, tmp_path):
    """As for training and pictures of it, the second by another path."""
    file = sorted(folder.rglob('*.jpg'))[0]
    path = write_lmdb(tmp_path, {b'1.jpg': file.read_bytes()})
    first = samples(LmdbImages(str(path)), pipeline, [0])
    again = LmdbImages(f'{tmp_path}/../{tmp_path.name}/images.lmdb')
    assert_same(samples(again, pipeline, [0]), first)


def test_an_lmdb_that_was_made_again_is_read_anew(tmp_path):
    """As in a notebook, where the process goes on."""
    for count in (2, 3):
        shutil.rmtree(tmp_path / 'images.lmdb', ignore_errors=True)
        path = write_lmdb(
            tmp_path, {b'%d.jpg' % number: b'' for number in range(count)}
        )
        assert len(LmdbImages(str(path))) == count


def test_an_absent_lmdb_is_named():
    with pytest.raises(FileNotFoundError, match='no such LMDB: .*absent'):
        len(LmdbImages('absent.lmdb'))


def test_a_damaged_lmdb_is_named(tmp_path):
    pytest.importorskip('lmdb')
    (tmp_path / 'data.mdb').write_bytes(b'no LMDB' * 1000)
    with pytest.raises(InputError, match=f'{tmp_path} cannot be read as an L'):
        len(LmdbImages(str(tmp_path)))


@pytest.mark.parametrize('subdir', [True, False])
@pytest.mark.parametrize('lost', [0, 1])
def test_an_lmdb_that_lacks_its_end_is_told_of(
    tmp_path, log_file, lost, subdir
):
    """To read what lies behind the end of a file kills the process."""
    path = write_lmdb(tmp_path, {b'1.jpg': bytes(9999)}, subdir=subdir)
    data = path / 'data.mdb' if subdir else path
    os.truncate(data, data.stat().st_size - lost)
    assert len(LmdbImages(str(path))) == 1
    assert log_file.read_text().count('copy it again') == lost


def test_what_is_hidden_or_no_file_is_left_out_of_archives(folder, tmp_path):
    first = sorted(folder.rglob('*.jpg'))[0]
    with tarfile.open(tmp_path / 'a.TAR', 'w') as tar:
        for name in (
            './x.jpg',
            './._x.jpg',
            '__MACOSX/.d/y.jpg',
            'z.jpg',
            '../w.jpg',
        ):
            tar.add(first, arcname=name)
        for name, kind in (
            ('l.jpg', tarfile.SYMTYPE),
            ('d.jpg', tarfile.DIRTYPE),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, 'z.jpg'
            tar.addfile(info)
    (tmp_path / '._a.TAR').write_bytes(b'no archive')
    paths = [info['img_path'] for info in TarImages(str(tmp_path))]
    assert paths == [
        f'{tmp_path}/a.TAR/{name}' for name in ('../w.jpg', './x.jpg', 'z.jpg')
    ]
