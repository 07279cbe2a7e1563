"""Dataset over images in tar archives, read in place."""

import os
import tarfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS

from ..errors import some
from .image_folder import image_extensions


@DATASETS.register_module()
class TarImages(BaseDataset):
    """Every image in one tar archive or a folder of them.

    Plain archives and WebDataset shards alike: members that are no images
    (labels, JSON) and hidden ones (``._x.jpg`` of a Mac) are left out. The
    archives are indexed once; an image is then read by its place in the file,
    in any order, so shuffling, sharing among processes and exact resumes are
    those of a folder of images.

    Args:
        data_root (str): A ``.tar`` file, or a folder with such files at its
            top. ``~`` is expanded.

    Raises:
        FileNotFoundError: If there is no archive, or no image in them.
        ValueError: If a file is compressed, damaged or no tar archive.
    """

    def __init__(self, data_root: str) -> None:
        super().__init__(ann_file='', data_root=os.path.expanduser(data_root))

    def load_data_list(self) -> list[dict[str, Any]]:
        """Names and places of all images, archive by archive, sorted."""
        archives = find_archives(self.data_root)
        images = [info for path in archives for info in _members(path)]
        if not images:
            raise FileNotFoundError(
                f'no image in {some(archives, 3)}: members '
                'with the endings of image files were looked for, such as '
                '.jpg and .png'
            )
        return images


def find_archives(path: str) -> list[Path]:
    """The archive itself, or those at the top of a folder, sorted.

    Raises:
        FileNotFoundError: If there is none.
    """
    root = Path(path)
    if root.is_file():
        return [root]
    archives = sorted(
        file
        for file in root.iterdir()
        if file.suffix.lower() == '.tar' and not file.name.startswith('.')
    )
    if not archives:
        raise FileNotFoundError(f'no .tar file at {os.path.abspath(path)}')
    return archives


def _members(path: Path) -> Iterator[dict[str, Any]]:
    """Images of one archive in the order of their names."""
    extensions = image_extensions()
    try:
        with tarfile.open(path, 'r:') as archive:
            members = [
                (member.name, member.offset_data, member.size)
                for member in archive
                if member.isreg()
                and member.name.lower().endswith(extensions)
                and not _is_hidden(member.name)
            ]
    except (tarfile.ReadError, EOFError) as error:
        raise ValueError(
            f'{path} cannot be read as a tar archive ({error}). If it is '
            'compressed, decompress it: images in it cannot be reached '
            'otherwise. If its transfer broke off, fetch it again.'
        ) from error
    for name, offset, size in sorted(members):
        yield dict(
            img_path=f'{path}/{name}',
            archive=str(path),
            offset=offset,
            size=size,
        )


def _is_hidden(name: str) -> bool:
    """Whether a member or a folder of it is hidden, as in ``ImageFolder``."""
    parts = PurePosixPath(name).parts  # './x.jpg' is 'x.jpg'
    return any(part.startswith('.') and part != '..' for part in parts)
