"""Real photographs, and small folders of images made from them."""

import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from mmpretrain.registry import DATASETS
from PIL import Image
from skimage import data
from torch.utils.data import DataLoader

from siameseim.datasets import PretrainDataset


def write_lmdb(
    folder: Path, images: dict[bytes, bytes], **options: bool
) -> Path:
    """An LMDB of these files by key, made as ``lmdb.open`` is told."""
    lmdb = pytest.importorskip('lmdb')
    path = folder / 'images.lmdb'
    with (
        lmdb.open(str(path), map_size=2**24, **options) as environment,
        environment.begin(write=True) as transaction,
    ):
        for key, content in images.items():
            transaction.put(key, content)
    return path


@pytest.fixture(scope='session')
def photo() -> Image.Image:
    """A portrait of 512 x 512 pixels."""
    return Image.fromarray(data.astronaut())


@pytest.fixture(scope='session')
def coffee() -> Image.Image:
    """A photograph of 600 x 400 pixels, strongly coloured."""
    return Image.fromarray(data.coffee())


@pytest.fixture
def small(coffee: Image.Image) -> Image.Image:
    """The same of 48 x 32 pixels."""
    return coffee.resize((48, 32))


@pytest.fixture
def folder(tmp_path: Path, photo: Image.Image) -> Path:
    """A folder with twelve different readable JPEGs, two levels deep."""
    for i in range(12):
        path = tmp_path / 'images' / f'class_{i % 3}' / f'{i:02d}.jpg'
        path.parent.mkdir(parents=True, exist_ok=True)
        photo.crop((20 * i, 10 * i, 20 * i + 90, 10 * i + 70)).save(path)
    return tmp_path / 'images'


@pytest.fixture
def pipeline() -> Callable[..., list[dict]]:
    """The pipeline of the paper, small."""

    def make(size: int = 32, grid: int = 4, num_masked: int = 10) -> list:
        return [
            dict(type='TwoViews', size=size),
            dict(type='ViewPhotometric', view=1, blur_prob=1.0),
            dict(
                type='ViewPhotometric',
                view=2,
                blur_prob=0.1,
                solarize_prob=0.2,
            ),
            dict(type='BlockMask', grid=grid, num_masked=num_masked),
            dict(type='PackTwoViews'),
        ]

    return make


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    """Where mmengine's current logger writes during the test."""
    path = tmp_path / 'run.log'
    logger = MMLogger.get_instance(tmp_path.name, log_file=str(path))
    yield path
    for handler in list(logger.handlers):
        if isinstance(handler, logging.FileHandler):
            handler.close()
    MMLogger._instance_dict.pop(tmp_path.name)


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(0)


@pytest.fixture
def build(folder: Path, pipeline: Callable) -> Callable[..., PretrainDataset]:
    """Builds a data set, of ``folder`` and small unless told otherwise."""

    def make(
        root: Path = folder, steps: list | None = None, seed: int = 0
    ) -> PretrainDataset:
        return DATASETS.build(
            dict(
                type='PretrainDataset',
                dataset=dict(type='ImageFolder', data_root=str(root)),
                pipeline=steps or pipeline(),
                seed=seed,
            )
        )

    return make


@pytest.fixture
def load(folder: Path, pipeline: Callable) -> Callable[..., DataLoader]:
    """Builds a data loader as the runner does, small unless told."""

    def make(
        root: Path = folder,
        num_workers: int = 0,
        batch_size: int = 4,
        steps: list | None = None,
    ) -> DataLoader:
        return Runner.build_dataloader(
            dict(
                dataset=dict(
                    type='mmpretrain.PretrainDataset',
                    dataset=dict(type='ImageFolder', data_root=str(root)),
                    pipeline=steps or pipeline(),
                ),
                sampler=dict(type='mmpretrain.ResumableSampler', seed=0),
                collate_fn=dict(type='default_collate'),
                batch_size=batch_size,
                num_workers=num_workers,
                persistent_workers=num_workers > 0,
                drop_last=True,
            )
        )

    return make
