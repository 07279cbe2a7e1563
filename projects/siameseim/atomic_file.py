"""Files that are there completely or not at all."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend


def write_complete(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file under another name beside its place, then rename it.

    Args:
        path (Path): its place; folders are made if needed.
        write (Callable): writes the file under the name it is given.

    Raises:
        OSError: if it cannot be written, for example on a full disk.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        write(temporary)
        # a rename may not overtake the data; Windows syncs no 'rb'
        with open(temporary, 'rb+') as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        if error.errno is None:  # of a library, about something else
            raise
        raise OSError(
            error.errno, f'{error.strerror}, nothing was replaced', str(path)
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, values: object, indent: int = 2) -> None:
    """Write values as ``write_complete`` does; folders are made too."""
    text = json.dumps(values, indent=indent) + '\n'
    write_complete(path, lambda part: part.write_text(text))


def remove_unfinished(folder: str | Path) -> None:
    """Remove what a run that was killed left of its checkpoints.

    And of the file that names the last one.
    """
    for kind in ('.*.pth.*.tmp', '.last_checkpoint.*.tmp'):
        for part in Path(folder).glob(kind):
            part.unlink(missing_ok=True)


@register_backend('atomic')
class AtomicBackend(LocalBackend):
    """Local files, written under another name and then renamed.

    A run that is killed, or a disk that fills up, while a checkpoint is
    written leaves the previous file of that name as it was.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write ``obj`` to ``filepath``, all or nothing.

        Raises:
            OSError: if it cannot be written, for example on a full disk.
        """
        write_complete(Path(filepath), lambda path: path.write_bytes(obj))
