"""Checking for disk space before it is used."""

import os
import shutil
import tempfile
from pathlib import Path

from bootstrap.errors import SetupError
from bootstrap.places import Places

GIB = 2**30


def existing(path: Path) -> Path:
    """Return the path itself or its nearest parent that exists."""
    while not path.exists():
        path = path.parent
    return path


def require_space(needs: dict[Path, float]) -> None:
    """Refuse to start what the disks cannot hold.

    Args:
        needs: GiB needed at each path; paths on one disk add up.

    Raises:
        SetupError: Naming the path, what is free there and what is needed.
    """
    total: dict[int, float] = {}
    for path, gib in needs.items():
        device = os.stat(existing(path)).st_dev
        total[device] = total.get(device, 0.0) + gib
        free = shutil.disk_usage(existing(path)).free / GIB
        if free < total[device]:
            raise SetupError(
                f'{path} lies on a disk with {free:.1f} GiB free; the '
                f'set-up needs {total[device]:.1f} GiB there.',
                'free some space and run again; TMPDIR=/other/folder moves '
                'the temporary files, PIP_CACHE_DIR=/other/folder the '
                'downloads.',
            )


def require_space_for_packages(places: Places) -> None:
    """Check for the room torch and its CUDA libraries take, as measured."""
    temporary = Path(tempfile.gettempdir())
    require_space({places.venv: 7.0, temporary: 3.0})
