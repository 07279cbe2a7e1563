"""Making the environment, and reading what it holds from its folder."""

import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote, urlparse

from bootstrap.commands import Commands, step
from bootstrap.interpreter import find_python
from bootstrap.pins import normalised
from bootstrap.places import Places
from bootstrap.supported import SUPPORTED


def python_version(places: Places) -> str | None:
    """Return the environment's Python version, None if it cannot run."""
    config = places.venv / 'pyvenv.cfg'
    if not (places.python.exists() and config.is_file()):
        return None
    match = re.search(r'version\s*=\s*(\S+)', config.read_text('utf-8'))
    return match.group(1) if match else None


def is_usable(places: Places) -> bool:
    """Whether the environment has a supported Python and a whole pip."""
    version = python_version(places)
    if version is None:
        return False
    if tuple(map(int, version.split('.')[:2])) not in SUPPORTED:
        return False
    return 'pip' in installed(places)


def installed(places: Places) -> dict[str, str]:
    """Return the version of each wholly installed distribution, by name.

    pip writes RECORD last, so a folder without it is half an installation.
    """
    folders = places.site_packages.glob('*.dist-info')
    whole = (f.stem for f in folders if (f / 'RECORD').is_file())
    pairs = (stem.rsplit('-', 1) for stem in whole)
    return {normalised(name): version for name, version in pairs}


def ensure(places: Places, commands: Commands) -> None:
    """Make the environment, or make it anew if it cannot be used.

    Raises:
        SetupError: If no Python here can make it.
    """
    if is_usable(places):
        return
    python = find_python()
    if places.venv.exists():
        found = python_version(places) or 'broken'
        print(f'{places.venv} cannot be used (Python: {found}).')
    with step(f'making .venv with {python}'):
        commands.run(
            [python, '-m', 'venv', '--clear', places.venv],
            'Making the environment',
        )


def drop_half_installed(places: Places) -> None:
    """Remove what an interrupted pip left, so that pip installs it again."""
    for folder in places.site_packages.glob('*.dist-info'):
        if not (folder / 'RECORD').is_file():
            print(f'{folder.stem} was installed halfway; installing anew.')
            shutil.rmtree(folder)
    # pip renames what it is about to replace to a name with a tilde.
    for leftover in places.site_packages.glob('~*'):
        if leftover.is_dir():
            shutil.rmtree(leftover)


def editable_root(places: Places, name: str) -> Path | None:
    """Return the folder an editable installation of ``name`` points to."""
    for url_file in places.site_packages.glob(f'{name}-*/direct_url.json'):
        told = json.loads(url_file.read_text('utf-8'))
        if told.get('dir_info', {}).get('editable'):
            return Path(unquote(urlparse(told['url']).path))
    return None
