"""Dataset over images in an LMDB."""

import os
from typing import Any

from mmengine.fileio import LmdbBackend, register_backend
from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS

from ..errors import InputError, some
from .image_folder import image_extensions


class AnyKeyLmdbBackend(LmdbBackend):
    """mmengine's LMDB backend, for keys that are not ASCII as well.

    Keys are read as the names of files are: as UTF-8, and bytes that are
    none are kept.
    """

    _client: Any

    def get(self, filepath: str | os.PathLike) -> bytes:
        """The value of a key."""
        if self._client is None:
            self._client = self._get_client()
        with self._client.begin() as transaction:
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

    Raises:
        FileNotFoundError: If there is no such LMDB or no image in it.
        ModuleNotFoundError: If ``lmdb`` is not installed.
        InputError: If it is damaged or no LMDB.
    """

    def __init__(self, data_root: str) -> None:
        super().__init__(ann_file='', data_root=os.path.expanduser(data_root))

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
            backend='any_key_lmdb',
            db_path=self.data_root,
            subdir=os.path.isdir(self.data_root),
        )
        return [dict(img_path=key, backend_args=backend) for key in images]


def _read_keys(path: str) -> list[str]:
    """All keys of an LMDB, opened for this purpose only.

    Worker processes must not use an environment that was open when they
    were forked.
    """
    if not os.path.exists(path):
        raise FileNotFoundError(f'no such LMDB: {os.path.abspath(path)}')
    try:
        import lmdb
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'reading {path} needs the package lmdb: pip install lmdb'
        ) from error
    options = dict(readonly=True, lock=False, subdir=os.path.isdir(path))
    try:
        with (
            lmdb.open(path, **options) as environment,
            environment.begin() as transaction,
        ):
            keys = transaction.cursor().iternext(values=False)
            return [os.fsdecode(key) for key in keys]
    except lmdb.Error as error:
        raise InputError(
            f'{os.path.abspath(path)} cannot be read as an LMDB ({error}): '
            'copy or make it again'
        ) from error
