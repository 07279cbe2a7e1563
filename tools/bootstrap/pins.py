"""Reading the requirement files."""

import re
from pathlib import Path


def normalised(name: str) -> str:
    """Return a distribution's name as pip compares it (PEP 503)."""
    return re.sub(r'[-_.]+', '-', name).lower()


def _entries(path: Path) -> list[str]:
    lines = (
        line.split('#')[0].strip()
        for line in path.read_text('utf-8').splitlines()
    )
    return [line for line in lines if line]


def known_good(folder: Path) -> dict[str, str]:
    """Return the tested version of every pinned distribution, by name."""
    pairs = (e.split('==') for e in _entries(folder / 'known-good.txt'))
    return {normalised(name): version for name, version in pairs}


def requested(path: Path) -> dict[str, str]:
    """Return the pinned version of each name a requirement file lists.

    Args:
        path: A file of names, which may include others by ``-r``. Its
            versions come from ``known-good.txt`` beside it.

    Raises:
        KeyError: If a listed name has no pin.
    """
    pins = known_good(path.parent)
    wanted: dict[str, str] = {}
    for entry in _entries(path):
        if entry.startswith('-r '):
            wanted.update(requested(path.parent / entry[3:].strip()))
        elif not entry.startswith('-c '):
            wanted[normalised(entry)] = pins[normalised(entry)]
    return wanted
