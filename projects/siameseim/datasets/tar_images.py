"""Dataset over images in tar archives, read in place."""

import os
import tarfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS

from ..errors import some
from ..log import warn
from .image_folder import image_extensions, listed, tell_others

_NO_FILE = 'link or sparse file'
_TAIL = 2**20  # bytes behind the last member that must be zeros


@DATASETS.register_module()
class TarImages(BaseDataset):
    """Every image in one tar archive or a folder of them.

    Plain archives and WebDataset shards alike: members that are no images
    (labels, JSON), links and sparse files are left out and counted, hidden
    ones (``._x.jpg`` of a Mac) without a word. The archives are indexed once;
    an image is then read by its place in the file, in any order, so
    shuffling, sharing among processes and exact resumes are those of a folder
    of images.

    Args:
        data_root (str): A ``.tar`` file, or a folder with such files at its
            top. ``~`` is expanded.
        indices (int | Sequence[int], optional): The first so many images, or
            the places of those to take. Defaults to all.

    Raises:
        FileNotFoundError: If there is no archive, or no image in them.
        ValueError: If a file is compressed, damaged or no tar archive.
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
        """Names and places of all images, archive by archive, sorted."""
        archives = find_archives(self.data_root)
        others: Counter[str] = Counter()
        unclosed: list[Path] = []
        images = [
            info
            for path in archives
            for info in _members(path, others, unclosed)
        ]
        if not images:
            raise FileNotFoundError(
                f'no image in {some(archives, 3)}: members '
                'with the endings of image files were looked for, such as '
                f'.jpg and .png; others there: {listed(others) or "none"} '
                '(archives in an archive must be unpacked)'
            )
        _tell_missing(self.data_root, others, unclosed)
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


def _tell_missing(
    root: str, others: 'Counter[str]', unclosed: list[Path]
) -> None:
    """Log what was left out, and where more may be missing."""
    if unclosed:
        warn(
            f'{len(unclosed)} archives lack the zeros at the end '
            f'({some(unclosed)}), or have more than 1 MiB of them: if a '
            'transfer broke off, images are missing: compare checksums'
        )
    if number := others.pop(_NO_FILE, 0):
        warn(
            f'left out of {root}: {number} links to images or '
            'sparse files; tar -h --hard-dereference, without -S, writes '
            'files in their place'
        )
    tell_others(root, others)


def _members(
    path: Path, others: 'Counter[str]', unclosed: list[Path]
) -> Iterator[dict[str, Any]]:
    """Images of one archive in the order of their names.

    What else it holds is added to ``others``, by ending or as no file, and
    the archive to ``unclosed``, if no end of it was found.
    """
    extensions = image_extensions()
    members = []
    try:
        with tarfile.open(path, 'r:') as archive:
            for member in archive:
                name = member.name
                if member.isdir() or _is_hidden(name):
                    continue
                if not name.lower().endswith(extensions):
                    others[os.path.splitext(name)[1] or 'no extension'] += 1
                elif member.isreg() and not member.issparse():
                    members.append((name, member.offset_data, member.size))
                else:
                    others[_NO_FILE] += 1
            if not _is_closed(archive):
                unclosed.append(path)
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


def _is_closed(archive: tarfile.TarFile) -> bool:
    """Whether the usual zeros follow the last member.

    Some writers leave them out. Many are room that was reserved for what has
    not arrived.

    Raises:
        tarfile.ReadError: if something else does. At a damaged header
            ``tarfile`` stops as at the end, without a word.
    """
    archive.fileobj.seek(archive.offset)
    tail = archive.fileobj.read(_TAIL)
    if tail.strip(b'\0'):
        raise tarfile.ReadError(
            f'neither a member nor the end is at byte {archive.offset}, so '
            'it is damaged there, or several archives were joined '
            '(tar -xif unpacks all of them)'
        )
    return 0 < len(tail) < _TAIL


def _is_hidden(name: str) -> bool:
    """Whether a member or a folder of it is hidden, as in ``ImageFolder``."""
    parts = PurePosixPath(name).parts  # './x.jpg' is 'x.jpg'
    return any(part.startswith('.') and part != '..' for part in parts)
