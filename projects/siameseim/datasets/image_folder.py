"""Dataset over any folder of images, without labels."""

import errno
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from mmpretrain.datasets import CustomDataset
from mmpretrain.registry import DATASETS
from PIL import Image, ImageFile

from ..errors import some
from ..log import tell, warn

# Formats Pillow opens but does not draw itself: EPS runs Ghostscript and
# MPEG has no pixels. Stubs (HDF5, GRIB, ...) are found by their class.
_NOT_DRAWN = {'EPS', 'MPEG'}
# Errors that each process meets at each scan; others may be a lost disk.
_LASTING = {errno.EACCES, errno.EPERM, errno.ELOOP}


def image_extensions() -> tuple[str, ...]:
    """Extensions of the image formats that this Pillow reads, sorted."""
    formats = Image.registered_extensions()
    return tuple(sorted(ext for ext in formats if _is_readable(formats[ext])))


def _is_readable(name: str) -> bool:
    """Whether Pillow itself decodes the format of this name."""
    if name in _NOT_DRAWN or name not in Image.OPEN:
        return False
    factory = Image.OPEN[name][0]
    return not isinstance(factory, type) or not issubclass(
        factory, ImageFile.StubImageFile
    )


@DATASETS.register_module()
class ImageFolder(CustomDataset):
    """Every image under a folder, at any depth, sorted by path.

    Adds to :class:`mmpretrain.datasets.CustomDataset` without labels: all
    formats of Pillow, a scan that is quick for a million files and ends on
    links that form a loop, hidden files left out, subfolders that may not be
    read left out and named, and an error that tells what was found where no
    image is.

    Args:
        data_root (str): The folder. ``~`` is expanded.
        extensions (Sequence[str], optional): File name endings that count
            as images, in any case. Defaults to all that Pillow reads.
        **kwargs: Other arguments of ``CustomDataset``.

    Raises:
        FileNotFoundError: If the folder does not exist or has no image.
        NotADirectoryError: If the path is a file.
    """

    def __init__(
        self,
        data_root: str,
        extensions: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            data_root=os.path.expanduser(data_root),
            extensions=extensions or image_extensions(),
            with_label=False,
            **kwargs,
        )

    def _find_samples(self) -> list[str]:
        """Paths of all images, relative to the folder, sorted."""
        root = os.path.abspath(self.img_prefix)
        _check_folder(root)
        others: Counter[str] = Counter()
        samples = []
        lost: dict[str, str] = {}
        for path in scan_files(root, lost):
            if self.is_valid_file(path):
                samples.append(path)
            else:
                others[os.path.splitext(path)[1] or 'no extension'] += 1
        if not samples:
            others.update(lost.values())
            raise FileNotFoundError(self._nothing_found(root, others))
        _tell_left_out(root, lost, others)
        return sorted(samples)

    def _nothing_found(self, root: str, others: 'Counter[str]') -> str:
        """Text of the error for a folder without images."""
        return (
            f'no image under {root} (all subfolders were searched; other '
            f'files there: {listed(others) or "none"}). Looked for the '
            f'{len(self.extensions)} endings of formats that Pillow reads, '
            'such as .jpeg and .png. Give the folder that holds the images, '
            'or, to train on them, name other endings in the config, with '
            'ImageFolder and its extensions=[...] as '
            'train_dataloader.dataset.dataset, and leave out --data.'
        )


def _check_folder(root: str) -> None:
    if not os.path.exists(root):
        raise FileNotFoundError(
            f'no such folder: {root}; a relative one starts at {os.getcwd()}'
        )
    if not os.path.isdir(root):
        raise NotADirectoryError(
            f'{root} is a file, not a folder. Training and reports read a '
            '.tar or .lmdb file as it is; unpack other archives, and for '
            'other tools these too, and give the folder.'
        )


def _tell_left_out(
    root: str, lost: dict[str, str], others: 'Counter[str]'
) -> None:
    if lost:
        named = [f'{printable(p)} ({why})' for p, why in lost.items()]
        warn(
            f'left out of {root}, as they cannot be read: {len(lost)} '
            f'folders or links: {some(sorted(named), 5)}'
        )
    tell_others(root, others)


def tell_others(root: str, others: 'Counter[str]') -> None:
    """Log how many files were left out for their endings, if any."""
    if others:
        tell(
            f'left out of {root}, as their endings are of no images that '
            f'Pillow reads: {listed(others)}'
        )


def listed(endings: 'Counter[str]') -> str:
    """The most frequent endings, and how many files have each."""
    return ', '.join(f'{n} x {ext}' for ext, n in endings.most_common(5))


def scan_files(root: str, lost: dict[str, str]) -> Iterator[str]:
    """Walk a folder, following links.

    Args:
        root (str): The folder.
        lost (dict[str, str]): Is given the relative path of each folder and
            link below ``root`` that leads nowhere, and the reason.

    Yields:
        str: Path of each file that is not hidden, relative to ``root``, in
        no particular order.
    """
    # Each entry: relative folder, and the (device, inode) pairs of it and
    # its parents, by which a link back to one of these is recognised.
    pending: list[tuple[str, tuple[tuple[int, int], ...]]] = [('', ())]
    while pending:
        folder, parents = pending.pop()
        path = os.path.join(root, folder)
        try:
            status = os.stat(path)
            identity = (status.st_dev, status.st_ino)
            if identity in parents:
                continue
            for name, kind in _entries(path):
                relative = os.path.join(folder, name)
                if kind == 'folder':
                    pending.append((relative, (*parents, identity)))
                elif kind == 'file':
                    yield relative
                else:
                    lost[relative] = kind
        except OSError as error:
            if not folder:
                raise
            lost[folder] = _lasting_reason(error)


def _entries(folder: str) -> Iterator[tuple[str, str]]:
    """Name and ``_kind`` of what a folder holds, but for what is hidden."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith('.'):
                yield entry.name, _kind(entry)


def _kind(entry: 'os.DirEntry[str]') -> str:
    """Either 'folder' or 'file', or why it is none of them."""
    try:
        if entry.is_dir():
            return 'folder'
        if entry.is_file():
            return 'file'
    except OSError as error:
        return _lasting_reason(error)
    return 'link to nothing' if entry.is_symlink() else 'no file'


def _lasting_reason(error: OSError) -> str:
    """What an error says, if it will be met again; else it is raised."""
    if error.errno not in _LASTING:
        raise error
    return error.strerror or str(error)


def printable(path: str) -> str:
    """A path for a log; bytes of it that are no UTF-8 are escaped."""
    content = path.encode('utf-8', 'surrogateescape')
    return content.decode('utf-8', 'backslashreplace')
