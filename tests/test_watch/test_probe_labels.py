"""Which class the online probe takes an image of each data set for."""

import io
import tarfile

import numpy as np
import pytest
from mmpretrain.datasets import BaseDataset, CustomDataset
from PIL import Image

from siameseim.datasets import (
    ImageFolder,
    LmdbImages,
    PretrainDataset,
    TarImages,
)
from siameseim.errors import InputError
from siameseim.watch.probe_hook import training_labels
from tests.test_datasets.conftest import write_lmdb

NAMES = ['cat/0.png', 'cat/1.png', 'dog/0.png', 'dog/1.png']


def png():
    file = io.BytesIO()
    Image.new('RGB', (8, 8)).save(file, 'png')
    return file.getvalue()


def folder(root, names=NAMES):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png())
    return ImageFolder(str(root))


def archive(root, names=NAMES, file='0.tar'):
    root.mkdir(exist_ok=True)
    with tarfile.open(root / file, 'w') as tar:
        for name in names:
            info = tarfile.TarInfo(name)
            info.size = len(png())
            tar.addfile(info, io.BytesIO(png()))
    return TarImages(str(root / file))


def shards(root):
    """The odd and the even images: both shards hold both classes."""
    archive(root, NAMES[::2], '0.tar')
    archive(root, NAMES[1::2], '1.tar')
    return TarImages(str(root))


def database(root):
    path = write_lmdb(root, {name.encode(): png() for name in NAMES})
    return LmdbImages(str(path))


def annotated(root):
    """Classes by number in a file; the folders say something else."""
    folder(root)
    lines = [f'{name} {i % 2}' for i, name in enumerate(NAMES)]
    (root / 'list.txt').write_text('\n'.join(lines))
    return CustomDataset(data_root=str(root), ann_file='list.txt')


def unlabelled_list(root):
    folder(root)
    (root / 'list.txt').write_text('\n'.join(NAMES))
    return CustomDataset(
        data_root=str(root), ann_file='list.txt', with_label=False
    )


@pytest.mark.parametrize(
    ('make', 'expected'),
    [
        (folder, [0, 0, 1, 1]),
        (archive, [0, 0, 1, 1]),
        (shards, [0, 1, 0, 1]),
        (database, [0, 0, 1, 1]),
        (annotated, [0, 1, 0, 1]),
        (unlabelled_list, [0, 0, 1, 1]),
    ],
)
@pytest.mark.parametrize('cache', [False, True])
def test_labels_are_given_or_the_first_folder(tmp_path, make, expected, cache):
    dataset = PretrainDataset(make(tmp_path), [], cache=cache)
    assert training_labels(dataset).tolist() == expected


def flat_shards(root):
    """As WebDataset writes them: no folder, so no class."""
    archive(root, ['0.png', '1.png'], '0.tar')
    archive(root, ['2.png', '3.png'], '1.tar')
    return TarImages(str(root))


class Arrays(BaseDataset):
    """Images in memory, without paths."""

    def load_data_list(self):
        return [dict(img=np.zeros((8, 8, 3), np.uint8)) for _ in range(2)]


def arrays(root):
    return Arrays(ann_file='')


def flat_folder(root):
    return folder(root, ['0.png', '1.png'])


@pytest.mark.parametrize('make', [flat_folder, flat_shards, arrays])
def test_images_in_no_folder_have_no_class(tmp_path, make):
    with pytest.raises(InputError, match='at least two classes'):
        training_labels(PretrainDataset(make(tmp_path), []))
