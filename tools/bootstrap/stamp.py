"""Remembering what was installed and found to work."""

import hashlib
import json

from bootstrap import mmcv, venv
from bootstrap.pins import known_good, normalised, requested
from bootstrap.places import Places

PROJECT = 'siameseim'


def wanted(places: Places, target: str) -> dict[str, str]:
    """Return the version of each package a target asks for."""
    return requested(places.requirements / f'{target}.txt')


def missing(places: Places, target: str) -> list[str]:
    """Return the packages that are absent or not at their pin."""
    found = venv.installed(places)
    return [
        name
        for name, version in wanted(places, target).items()
        if found.get(name) != version
    ]


def project_installed(places: Places) -> bool:
    """Whether the environment imports siameseim from this checkout."""
    root = venv.editable_root(places, PROJECT)
    return root is not None and root.resolve() == places.root.resolve()


def digest(places: Places, target: str) -> str:
    """Return a hash of all that a target asks for."""
    asked = {
        'packages': wanted(places, target),
        'mmcv': known_good(places.requirements)[normalised(mmcv.FULL)],
        'python': venv.python_version(places),
        'root': str(places.root.resolve()),
        'setup.py': (places.root / 'setup.py').read_text('utf-8'),
    }
    text = json.dumps(asked, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def is_current(places: Places, target: str) -> bool:
    """Whether the target was set up and nothing changed since.

    The stamp says that it worked; the folder names in the environment say
    that it is still there.
    """
    if not venv.is_usable(places):
        return False
    path = places.work / f'{target}.stamp'
    if not path.is_file() or path.read_text() != digest(places, target):
        return False
    return (
        not missing(places, target)
        and mmcv.fits(places, full=target == 'test')
        and project_installed(places)
    )


def write(places: Places, target: str) -> None:
    """Record that the target was set up and works."""
    path = places.work / f'{target}.stamp'
    path.write_text(digest(places, target))
