"""Features are encoded once, and anew when what they are of changes."""

import os
from pathlib import PurePosixPath, PureWindowsPath

import pytest
import torch

from siameseim.evaluation import feature_cache, frozen, labelled
from tests.test_evaluation.conftest import write_classes
from tests.vit_fixtures import SIZES, TINY

VIEW = (16, 16)


@pytest.fixture
def folder(tmp_path):
    write_classes(tmp_path / 'images', 1, seed=0)
    return tmp_path / 'images'


@pytest.fixture
def encode(folder, tmp_path):
    """Caches the features of the folder; returns them."""

    def encoded(view=VIEW, seed=0, mean=None, loading=None, **settings):
        cfg = dict(type='SiameseIMViT', **{**SIZES, **settings})
        backbone, preprocessor = frozen.frozen_backbone(cfg, 'cpu', seed)
        if mean:
            preprocessor.mean.fill_(mean)
        return feature_cache.cached_features(
            backbone,
            preprocessor,
            labelled.labelled_folder(folder, view),
            tmp_path / 'cache',
            num_workers=0,
            **(loading or {}),
        )

    return encoded


def cached(tmp_path):
    return len(list((tmp_path / 'cache').glob('untrained_*.pt')))


def test_features_are_encoded_once(encode, monkeypatch):
    first = encode()
    assert first.files[0] == 'blue/blue_0.png'
    monkeypatch.setattr(feature_cache, 'pooled_features', None)  # unreachable
    again = encode()
    assert again.features.equal(first.features)
    assert again.labels.equal(first.labels)
    assert again.cls.equal(first.cls)


@pytest.mark.parametrize('token', [0, 1])
def test_cls_and_mean_token_in_their_places(encode, folder, token):
    found = encode()
    cfg = dict(type='SiameseIMViT', **SIZES)
    backbone, preprocessor = frozen.frozen_backbone(cfg, 'cpu', 0)
    images = [view for view, _ in labelled.labelled_folder(folder, VIEW)]
    data = preprocessor(dict(inputs=torch.stack(images), data_samples=None))
    tokens = backbone.eval().encode(data['inputs'])
    expected = tokens[:, 1:].mean(dim=1) if token else tokens[:, 0]
    ours = found.features if token else found.cls
    torch.testing.assert_close(ours, expected.half())


def test_names_have_slashes_on_windows(encode, monkeypatch):
    here = PurePosixPath.relative_to

    def relative(path, root):
        return PureWindowsPath(here(path, root))

    monkeypatch.setattr(PurePosixPath, 'relative_to', relative)
    assert encode().files[0] == 'blue/blue_0.png'


@pytest.mark.parametrize(
    'change',
    [
        dict(seed=1),
        dict(mean=99),
        dict(loading=dict(precision='bf16')),
        dict(view=(8, 8)),
        dict(arch=dict(TINY, num_heads=4)),
        dict(norm_cfg=dict(type='LN', eps=1e-2)),
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_way_to_encode_makes_features_anew(encode, tmp_path, change):
    encode()
    encode(**change)
    assert cached(tmp_path) == 2


def larger(folder):
    """One byte more, at the same time."""
    file = folder / 'red/red_0.png'
    time = file.stat().st_mtime_ns
    file.write_bytes(file.read_bytes() + b' ')
    os.utime(file, ns=(time, time))


def later(folder):
    os.utime(folder / 'red/red_0.png', ns=(1, 1))


def renamed(folder):
    (folder / 'red/red_0.png').rename(folder / 'red/red_1.png')


def another_class(folder):
    """Which gives the images of the others new labels."""
    (folder / 'blue').rename(folder / 'yellow')


@pytest.mark.parametrize('change', [larger, later, renamed, another_class])
def test_other_images_make_features_anew(encode, folder, tmp_path, change):
    encode()
    change(folder)
    encode()
    assert cached(tmp_path) == 2
