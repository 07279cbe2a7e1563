"""What all tests share: the data beside the checkout, and GPU tests."""

from pathlib import Path

import pytest
import torch
from mmengine.registry import DefaultScope


@pytest.fixture(scope='session')
def shared() -> Path:
    """The folder of reference tensors and small data beside the checkout."""
    folder = Path(__file__).resolve().parents[2] / 'shared'
    if not folder.is_dir():
        pytest.skip('needs the folder ../shared beside the checkout')
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip tests marked ``gpu`` on a machine without a CUDA device."""
    if torch.cuda.is_available():
        return
    skip = pytest.mark.skip(reason='needs a CUDA device')
    for item in items:
        if 'gpu' in item.keywords:
            item.add_marker(skip)


@pytest.fixture(autouse=True)
def no_default_scope() -> None:
    """What another test has run says nothing of where names are looked up."""
    DefaultScope._instance_dict.clear()
