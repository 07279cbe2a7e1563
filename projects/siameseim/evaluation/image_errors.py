"""Labelled images that cannot be read are named."""

import errno
from typing import Any

from torchvision.datasets.folder import default_loader

from ..errors import InputError


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
        why = why.partition(' <_io.')[0]  # an open file, by its address
        raise InputError(
            f'{path} cannot be read ({why}): mend or remove it'
        ) from error
