"""Features of a folder, in the file that was asked for."""

import os
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils._pytree import tree_leaves
from torch.utils.data import DataLoader

from siameseim.evaluation import extraction
from siameseim.evaluation.extraction import (
    FolderFeatures,
    folder_features,
    save_features,
)
from siameseim.layouts.normalisation import Normalisation, attach
from tests.test_evaluation.plain import plain_feature
from tests.vit_fixtures import saved, tiny_vit


@pytest.fixture
def folder(tmp_path):
    """Three images at two depths, one broken file."""
    generator = np.random.default_rng(0)
    for name, shape in (
        ('b.png', (20, 30, 3)),
        ('a/c.png', (40, 24, 3)),
        ('a/d.png', (16, 16, 3)),
    ):
        path = tmp_path / 'images' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = generator.integers(0, 256, shape, dtype=np.uint8)
        Image.fromarray(pixels).save(path)
    (tmp_path / 'images/broken.jpg').write_bytes(b'no image')
    return tmp_path / 'images'


@pytest.mark.parametrize('batch_size', [1, 2])
def test_features_and_names_belong_together(batch_size, folder):
    model = tiny_vit()
    result = folder_features(model, folder, batch_size, num_workers=0)
    assert result.files == ['a/c.png', 'a/d.png', 'b.png']
    assert result.unreadable == ['broken.jpg']
    for name, feature in zip(result.files, result.features, strict=True):
        torch.testing.assert_close(
            torch.tensor(feature), plain_feature(model, folder / name)
        )


def test_a_worker_hands_over_one_tensor_a_batch(folder, monkeypatch):
    """Each is an open file, of which a process may have a thousand."""
    loaders = []

    class Kept(DataLoader):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)
            loaders.append(self)

    monkeypatch.setattr(extraction, 'DataLoader', Kept)
    folder_features(tiny_vit(), folder, num_workers=0)
    (batch,) = loaders[0]
    tensors = [leaf for leaf in tree_leaves(batch) if torch.is_tensor(leaf)]
    assert [len(views) for views in tensors] == [3]


def test_backbones_without_a_cls_token(folder):
    model = tiny_vit(with_cls_token=False, out_type='featmap')
    result = folder_features(model, folder, num_workers=0)
    feature = plain_feature(model, folder / 'b.png', num_extra_tokens=0)
    torch.testing.assert_close(torch.tensor(result.features[2]), feature)


def test_npy_has_a_list_of_names_beside_it(folder, tmp_path):
    result = folder_features(tiny_vit(), folder, num_workers=0)
    save_features(result, tmp_path / 'out/f.npy')
    np.testing.assert_array_equal(
        np.load(tmp_path / 'out/f.npy'), result.features
    )
    names = (tmp_path / 'out/f.txt').read_text().splitlines()
    assert names == result.files


def test_parquet_has_both_as_columns(folder, tmp_path):
    parquet = pytest.importorskip('pyarrow.parquet')
    result = folder_features(tiny_vit(), folder, num_workers=0)
    save_features(result, tmp_path / 'f.parquet')
    table = parquet.read_table(tmp_path / 'f.parquet')
    assert table['file'].to_pylist() == result.files
    np.testing.assert_array_equal(
        np.array(table['feature'].to_pylist(), np.float32), result.features
    )


def test_pixels_are_normalised_as_in_training(folder):
    model = tiny_vit()
    attach(model, Normalisation((10.0, 20.0, 30.0), (100.0, 200.0, 50.0)))
    result = folder_features(model, folder, num_workers=0)
    feature = plain_feature(
        model,
        folder / 'b.png',
        mean=[10 / 255, 20 / 255, 30 / 255],
        std=[100 / 255, 200 / 255, 50 / 255],
    )
    torch.testing.assert_close(torch.tensor(result.features[2]), feature)


NAMES = ['a\nb.png', 'a\\nb.png', 'c\u2028\r.png', 'ü.png', 'bad\udcff.png']


def test_any_file_name_is_one_line_and_comes_back(tmp_path):
    features = np.zeros((len(NAMES), 2), np.float32)
    save_features(FolderFeatures(NAMES, features, []), tmp_path / 'f.npy')
    text = (tmp_path / 'f.txt').read_bytes().decode('utf-8', 'surrogateescape')
    assert text.splitlines() == [
        r'a\nb.png', r'a\\nb.png', r'c\u2028\r.png', 'ü.png', 'bad\udcff.png'
    ]  # fmt: skip


def test_parquet_has_other_bytes_in_words(tmp_path):
    parquet = pytest.importorskip('pyarrow.parquet')
    features = np.zeros((len(NAMES), 2), np.float32)
    save_features(FolderFeatures(NAMES, features, []), tmp_path / 'f.parquet')
    names = parquet.read_table(tmp_path / 'f.parquet')['file'].to_pylist()
    assert names == [*NAMES[:-1], r'bad\xff.png']


def test_folders_without_readable_images_are_named(tmp_path):
    (tmp_path / 'a.png').write_bytes(b'x')
    with pytest.raises(ValueError, match='none of the 1 images'):
        folder_features(tiny_vit(), tmp_path, num_workers=0)


def test_a_vitdet_is_refused(folder):
    from siameseim.downstream import SiameseIMViTDet

    model = tiny_vit(SiameseIMViTDet, window_size=2)
    with pytest.raises(ValueError, match='is a ViTDet'):
        folder_features(model, folder, num_workers=0)


def test_the_command(folder, tmp_path, capsys):
    from extract_features import main

    file = saved(tmp_path / 'a.pth', tiny_vit().state_dict())
    out = tmp_path / 'f.npy'
    main([file, str(folder), str(out), '--num-heads', '2', '--workers', '0'])
    assert np.load(out).shape == (3, 16)
    printed = capsys.readouterr().out
    assert 'cannot be read: broken.jpg' in printed
    assert '3 images, 16 numbers each' in printed
    with pytest.raises(
        SystemExit, match=r'error: .*f\.csv must end with \.npy or'
    ):
        main([file, str(folder), str(tmp_path / 'f.csv')])


@pytest.mark.parametrize('suffix', ['npy', 'parquet'])
def test_the_command_takes_names_that_are_no_unicode(
    suffix, folder, tmp_path, capfdbinary
):
    from extract_features import main

    if suffix == 'parquet':
        pytest.importorskip('pyarrow')
    for name, source in ((b'\xff.png', 'b.png'), (b'\xfe.png', 'broken.jpg')):
        try:
            shutil.copy(folder / source, folder / os.fsdecode(name))
        except OSError:
            pytest.skip('the file system takes none')
    file = saved(tmp_path / 'a.pth', tiny_vit().state_dict())
    out = tmp_path / f'f.{suffix}'
    main([file, str(folder), str(out), '--num-heads', '2', '--workers', '0'])
    assert rb'cannot be read: \xfe.png' in capfdbinary.readouterr().out
    if suffix == 'npy':
        assert b'\xff.png' in (tmp_path / 'f.txt').read_bytes().splitlines()
