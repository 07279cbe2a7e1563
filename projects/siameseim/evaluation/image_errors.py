"""Labelled images that cannot be read, named also from loading processes."""

import errno
from collections.abc import Iterator
from typing import Any

from torch.utils.data import DataLoader
from torchvision.datasets.folder import default_loader

from ..errors import InputError

# How a worker's traceback begins the line of the error.
_IN_WORKER = f'{InputError.__module__}.{InputError.__name__}: '


def read_image(path: str) -> Any:
    """A file as RGB; a damaged one is not left out of an accuracy.

    Args:
        path (str): image file.

    Raises:
        InputError: naming the file, if it cannot be read.
    """
    try:
        return default_loader(path)
    except MemoryError:
        raise
    except Exception as error:  # Pillow raises any type
        number = getattr(error, 'errno', None)
        if number not in (None, errno.ENOENT, errno.EIO):
            raise  # of the machine, such as too many open files
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise InputError(
            f'{path} cannot be read ({why}): mend or remove it'
        ) from error


def batches(loader: DataLoader) -> Iterator[Any]:
    """What a loader gives; its workers' errors without their traceback.

    Args:
        loader (DataLoader): of images from ``read_image``.

    Raises:
        InputError: as ``read_image``.
    """
    try:
        yield from loader
    except InputError as error:
        text = str(error).rpartition(_IN_WORKER)[2].strip()
        raise InputError(text) from error
