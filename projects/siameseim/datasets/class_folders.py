"""Labelled images as folders: a folder per class, in ``train`` and ``val``."""

import errno
import os
from pathlib import Path

from PIL import Image

from ..errors import InputError, some
from .image_folder import image_extensions, printable, scan_files
from .source_image import SourceImage, UnreadableImageError


def split_folders(
    data: str | Path, needs_train: bool = True
) -> tuple[Path, Path]:
    """The training and the validation folder under a folder.

    Args:
        data (str | Path): holds ``train`` and ``val``, or ``test`` if there
            is no ``val``. ``~`` is expanded.
        needs_train (bool): False where ``train`` may be missing. Defaults to
            True.

    Raises:
        FileNotFoundError: if one is missing, or holds no folders.
    """
    root = Path(data).expanduser()
    train, val = root / 'train', root / 'val'
    if not val.is_dir():
        val = root / 'test'
    parts = [train, val] if needs_train or train.is_dir() else [val]
    if not all(part.is_dir() for part in parts):
        held = some(sorted(path.name for path in root.glob('*')))
        empty = 'nothing' if root.is_dir() else 'nothing (it is no folder)'
        raise FileNotFoundError(
            f'{root} has not the layout of the data: it needs the folders '
            'train and val (or test), each with one folder of images per '
            'class, for example train/cat/1.jpg and val/cat/2.jpg; it holds '
            f'{held or empty} (more: docs/classification.md)'
        )
    for part in parts:
        class_names(part)
    return train, val


def class_names(folder: str | Path) -> list[str]:
    """Names of the class folders, sorted; hidden folders are none.

    Raises:
        FileNotFoundError: if there is no such folder, or no class in it.
    """
    root = Path(folder).expanduser()
    with os.scandir(root) as found:  # asks nothing of each image in a folder
        folders = [entry.name for entry in found if _is_folder(entry)]
    names = sorted(name for name in folders if not name.startswith('.'))
    if not names:
        raise FileNotFoundError(
            f'{root} has no class folders: it needs one folder of images per '
            'class, as labels are told by them'
        )
    return names


def _is_folder(entry: 'os.DirEntry[str]') -> bool:
    """Whether it is one or a link to one; a link to itself is none."""
    return entry.is_dir(follow_symlinks=False) or (
        entry.is_symlink() and os.path.isdir(entry)
    )


def labelled_files(root: str, labels: dict[str, int]) -> list[tuple[str, int]]:
    """Path and label of each image in class folders, at any depth.

    They are those that pretraining finds: hidden ones are left out, and links
    back to a folder above them are not followed.

    Args:
        root (str): holds the class folders.
        labels (dict[str, int]): of each class folder.

    Raises:
        FileNotFoundError: if a class has no image.
        InputError: if a folder or link in a class leads nowhere.
    """
    lost: dict[str, str] = {}
    endings = image_extensions()
    found = []
    for path in scan_files(root, lost):
        name = path.partition(os.sep)[0]
        if name in labels and path.lower().endswith(endings):
            found.append((labels[name], *os.path.split(path)))
    for path, why in sorted(lost.items()):
        if path.partition(os.sep)[0] in labels:
            raise InputError(
                f'{os.path.join(root, printable(path))} cannot be read '
                f'({why}): mend or remove it'
            )
    known = {label for label, *_ in found}
    if empty := sorted(n for n, label in labels.items() if label not in known):
        raise FileNotFoundError(
            f'{root} has class folders without any image: {some(empty)}: '
            'add images, or remove these folders from all splits'
        )
    return [
        (os.path.join(root, folder, file), label)
        for label, folder, file in sorted(found)
    ]


def same_classes(train: str | Path, val: str | Path) -> list[str]:
    """Names of the classes of two folders.

    Raises:
        FileNotFoundError: if one holds no class.
        InputError: if they differ.
    """
    known, asked = class_names(train), class_names(val)
    if odd := sorted({*known} ^ {*asked}):
        raise InputError(
            f'{train} and {val} hold different class folders, so labels '
            f'would not match; only one of them has: {some(odd, 5)}'
        )
    return known


def labelled_root(train: str | Path) -> Path | None:
    """The folder that ``--knn`` takes, if this is the ``train`` in it."""
    folder = Path(train).expanduser().absolute()
    try:
        parts = split_folders(folder.parent)
        same_classes(*parts)
    except (OSError, InputError):
        return None
    return folder.parent if folder == parts[0] else None


def read_image(path: str) -> Image.Image:
    """A file as pretraining reads it; damaged ones count in an accuracy.

    Returns:
        Image.Image: upright, 8-bit RGB.

    Raises:
        InputError: naming the file, if it cannot be read.
    """
    try:
        source = SourceImage.from_data_info(dict(img_path=path))
        return Image.fromarray(source.decode())
    except UnreadableImageError as error:
        cause = error.__cause__ or error
        number = getattr(cause, 'errno', None)
        of_machine = number not in (None, errno.ENOENT, errno.EIO)
        if of_machine or isinstance(cause, MemoryError):
            raise cause from None  # as of too many open files
        raise InputError(
            f'{path} cannot be read ({error}): mend or remove it'
        ) from cause
