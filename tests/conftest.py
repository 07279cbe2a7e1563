"""What all tests share: the data beside the checkout, and GPU tests."""

import gc
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import torch
from mmengine.config import config, utils
from mmengine.registry import DefaultScope
from mmengine.utils import manager


@pytest.fixture(scope='session')
def shared() -> Path:
    """The folder of reference tensors and small data beside the checkout."""
    folder = Path(__file__).resolve().parents[2] / 'shared'
    if not folder.is_dir():
        pytest.skip('needs the folder ../shared beside the checkout')
    return folder


@pytest.fixture(autouse=True)
def unlocked() -> Iterator[None]:
    """Frees the lock that mmengine keeps where a constructor raised under it.

    Threads of later tests would wait for it for ever.
    """
    yield
    while manager._lock._is_owned():
        manager._release_lock()


@pytest.fixture
def no_utf8_locale(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text files are of another encoding unless told, as on Windows."""
    monkeypatch.setattr('io.text_encoding', lambda given, *_: given or 'ascii')


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked ``gpu`` on a machine without a CUDA device."""
    if torch.cuda.is_available():
        return
    skip = pytest.mark.skip(reason='needs a CUDA device')
    for item in items:
        if 'gpu' in item.keywords:
            item.add_marker(skip)


def pytest_collection_finish() -> None:
    """Leave what is imported by now out of every later garbage collection.

    Each data set of mmengine asks for one, which took most of a second.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope='session', autouse=True)
def computed_once() -> Iterator[None]:
    """Remember what mmengine computes again, alike, for every config.

    The YAML files of a package, of which one names each base config, and the
    layout of a config's text, which a run asks for four times: together a
    good half of a short run.
    """

    @cache
    def laid_out(text: str, style: tuple, **options: bool) -> tuple:
        return config_layout(text, style_config=dict(style), **options)

    config_layout = config.FormatCode
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(utils, 'load', cache(utils.load))
        patch.setattr(
            config,
            'FormatCode',
            lambda text, style_config, **options: laid_out(
                text, tuple(style_config.items()), **options
            ),
        )
        yield


@pytest.fixture(autouse=True)
def no_default_scope() -> Iterator[None]:
    """What another test has run says nothing of where names are looked up.

    Fixtures of a module are set up before; so it is forgotten afterwards too.
    """
    DefaultScope._instance_dict.clear()
    yield
    DefaultScope._instance_dict.clear()
