"""Which dataset reads what a user points at."""

import os

from .image_folder import image_extensions


def data_source(path: str) -> dict:
    """Config of the dataset for a path given on the command line.

    Args:
        path (str): A folder of images at any depth; a ``.tar`` file or a
            folder whose only visible entries besides text are ``.tar``
            files; or an ``.lmdb``, a file or a folder.

    Returns:
        dict: ``ImageFolder``, ``TarImages`` or ``LmdbImages``.
    """
    expanded = os.path.expanduser(path)
    name = os.path.normpath(expanded).lower()
    is_folder = os.path.isdir(expanded)
    if name.endswith('.lmdb') or (
        is_folder and os.path.isfile(os.path.join(expanded, 'data.mdb'))
    ):
        return dict(type='LmdbImages', data_root=path)
    if os.path.isfile(expanded) and '.tar' in os.path.basename(name):
        return dict(type='TarImages', data_root=path)
    if is_folder and _holds_only_archives(expanded):
        return dict(type='TarImages', data_root=path)
    return dict(type='ImageFolder', data_root=path)


def _holds_only_archives(folder: str) -> bool:
    """Whether there are archives at the top, and no folders or images.

    Archives beside folders are left-overs of unpacking.
    """
    with os.scandir(folder) as entries:
        visible = [e for e in entries if not e.name.startswith('.')]
    names = [entry.name.lower() for entry in visible]
    return any(name.endswith('.tar') for name in names) and not any(
        entry.is_dir() or entry.name.lower().endswith(image_extensions())
        for entry in visible
    )
