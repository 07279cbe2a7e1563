"""Dataset over images in an LMDB."""

import functools
import os
from collections.abc import Sequence
from typing import Any

from mmengine.fileio import LmdbBackend, register_backend
from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS

from ..errors import InputError, some
from ..log import warn
from .image_folder import image_extensions


class AnyKeyLmdbBackend(LmdbBackend):
    """mmengine's LMDB backend, for keys that are not ASCII as well.

    Keys are read as the names of files are: as UTF-8, and bytes that are
    none are kept. All backends of an LMDB share one environment.
    """

    def get(self, filepath: str | os.PathLike) -> bytes:
        """The value of a key."""
        with _environment(str(self.db_path)).begin() as transaction:
            return transaction.get(os.fsencode(filepath))


register_backend('any_key_lmdb', AnyKeyLmdbBackend, force=True)


@DATASETS.register_module()
class LmdbImages(BaseDataset):
    """Every image in an LMDB that maps names to encoded images.

    Such as ``mmcv`` and ``mmpretrain`` use. Keys with the ending of an image
    file count; if none has one, all keys do but those that start with ``__``.
    Needs the package ``lmdb``.

    Args:
        data_root (str): The LMDB, a folder or a file. ``~`` is expanded.
        indices (int | Sequence[int], optional): The first so many images, or
            the places of those to take. Defaults to all.

    Raises:
        FileNotFoundError: If there is no such LMDB or no image in it.
        ModuleNotFoundError: If ``lmdb`` is not installed.
        InputError: If it is damaged or no LMDB.
    """

    def __init__(
        self, data_root: str, indices: int | Sequence[int] | None = None
    ) -> None:
        super().__init__(
            ann_file='',
            data_root=os.path.expanduser(data_root),
            indices=indices,
        )

    def load_data_list(self) -> list[dict[str, Any]]:
        """Keys of all images, in the order of the LMDB."""
        keys = _read_keys(self.data_root)
        extensions = image_extensions()
        images = [key for key in keys if key.lower().endswith(extensions)]
        images = images or [key for key in keys if not key.startswith('__')]
        if not images:
            raise FileNotFoundError(
                f'no image in {self.data_root}: it has {len(keys)} keys '
                f'({some(keys, 3)}), but needs one an image'
            )
        backend = dict(
            backend='any_key_lmdb', db_path=os.path.realpath(self.data_root)
        )
        return [dict(img_path=key, backend_args=backend) for key in images]


def _environment(path: str) -> Any:
    """The open LMDB of a real path, once in a process.

    ``lmdb`` refuses to open a file twice, and a run reads one in several
    places: training, validation, pictures. A file that was made again since
    is another one.
    """
    folder = os.path.isdir(path)
    file = os.stat(os.path.join(path, 'data.mdb') if folder else path)
    return _opened(path, folder, file.st_dev, file.st_ino)


@functools.cache
def _opened(path: str, subdir: bool, *_identity: int) -> Any:
    """Nothing is locked or written, so that forked workers may read on."""
    import lmdb

    return lmdb.open(
        path, readonly=True, lock=False, readahead=False, subdir=subdir
    )


def _warn_if_short(environment: Any, path: str) -> None:
    """Tell why reading what is not there will kill the process.

    Not an error: a last page that was freed at once is never written.
    """
    folder = os.path.isdir(path)
    size = os.path.getsize(os.path.join(path, 'data.mdb') if folder else path)
    pages = environment.info()['last_pgno'] + 1
    if size < pages * environment.stat()['psize']:
        warn(
            f'{path} has {size} bytes, fewer than its {pages} pages take: if '
            'a "Bus error" ends the run, its transfer broke off, so copy it '
            'again'
        )


def _read_keys(path: str) -> list[str]:
    """All keys of an LMDB."""
    if not os.path.exists(path):
        raise FileNotFoundError(f'no such LMDB: {os.path.abspath(path)}')
    try:
        import lmdb
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'reading {path} needs the package lmdb: pip install lmdb'
        ) from error
    try:
        environment = _environment(os.path.realpath(path))
        _warn_if_short(environment, path)
        with environment.begin() as transaction:
            keys = transaction.cursor().iternext(values=False)
            return [os.fsdecode(key) for key in keys]
    except lmdb.Error as error:
        raise InputError(
            f'{os.path.abspath(path)} cannot be read as an LMDB ({error}): '
            'copy or make it again'
        ) from error
