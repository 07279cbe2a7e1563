"""Remembering what was installed and found to work."""

from pathlib import Path

from bootstrap import mmcv, venv
from bootstrap.pins import requested
from bootstrap.places import Places

PROJECT = 'siameseim'


def missing(places: Places, target: str) -> list[str]:
    """Return the packages that are absent or not at their pin."""
    found = venv.installed(places)
    wanted = requested(places.requirements / f'{target}.txt')
    return [n for n, version in wanted.items() if found.get(n) != version]


def project_installed(places: Places) -> bool:
    """Whether the environment imports siameseim from this checkout."""
    root = venv.editable_root(places, PROJECT)
    return root is not None and root.resolve() == places.root.resolve()


def is_current(places: Places, target: str) -> bool:
    """Whether the target was set up and nothing changed since.

    The stamp says that it worked; the folder names in the environment say
    that it is still there.
    """
    return (
        _stamp(places, target).is_file()
        and venv.is_usable(places)
        and not missing(places, target)
        and mmcv.fits(places, full=target == 'test')
        and project_installed(places)
    )


def write(places: Places, target: str) -> None:
    """Record that the target was set up and works."""
    _stamp(places, target).touch()


def clear(places: Places) -> None:
    """Forget what worked, before anything changes."""
    for stamp in places.work.glob('*.stamp'):
        stamp.unlink()


def _stamp(places: Places, target: str) -> Path:
    return places.work / f'{target}.stamp'
