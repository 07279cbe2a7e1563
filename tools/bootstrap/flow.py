"""The order of the set-up."""

import time

from bootstrap import disk, mmcv, stamp, venv
from bootstrap.commands import Commands, step
from bootstrap.lock import exclusive
from bootstrap.places import Places

# Imported once at the end of a set-up: a package can be installed and still
# miss a system library.
WITHOUT_MMCV = 'torch, torchvision, cv2, skimage, sklearn, matplotlib'
WITH_MMCV = {
    'quickstart': 'mmcv, mmpretrain',
    'test': 'mmcv.ops, mmpretrain, mmdet, mmseg, pycocotools',
}


def set_up(places: Places, target: str) -> None:
    """Bring the environment to what a target needs; do nothing if it is.

    Args:
        places: The checkout.
        target: ``quickstart`` (compiles nothing) or ``test`` (full stack).

    Raises:
        SetupError: Naming what went wrong and its cure.
    """
    start = time.monotonic()
    with exclusive(places.work / 'lock', 'another set-up of this checkout'):
        if not stamp.is_current(places, target):
            print(f'Setting up {places.venv} for: {target}', flush=True)
            _work(places, target)
    passed = time.monotonic() - start
    print(f'{places.venv} is ready for: {target} ({passed:.2f} s)', flush=True)


def _work(places: Places, target: str) -> None:
    stamp.clear(places)
    places.log.write_text('', 'utf-8')
    commands = Commands(places.log, places.python)
    print(f'   (everything the commands print: {places.log})')
    venv.ensure(places, commands)
    venv.drop_half_installed(places)
    _install_packages(places, target, commands)
    _install_project(places, commands)
    _check_imports(WITHOUT_MMCV, commands)
    if target == 'test':
        mmcv.ensure_full(places, commands)
    else:
        mmcv.ensure_lite(places, commands)
    _check_imports(WITH_MMCV[target], commands)
    # The full stack holds all that the quickstart asks for.
    for done in {'quickstart', target}:
        stamp.write(places, done)


def _install_packages(places: Places, target: str, commands: Commands) -> None:
    missing = stamp.missing(places, target)
    if not missing:
        return
    if 'torch' in missing:
        disk.require_space_for_packages(places)
    with step(f'installing {len(missing)} packages and what they need'):
        commands.pip(
            'Installing packages',
            *('install', '--progress-bar', 'off', '--retries', '2'),
            *('-r', places.requirements / f'{target}.txt'),
        )


def _install_project(places: Places, commands: Commands) -> None:
    if stamp.project_installed(places):
        return
    with step('installing siameseim itself (editable)'):
        # The build tools are in the environment: no isolation, no network.
        commands.pip(
            'Installing siameseim',
            *('install', '--no-deps', '--no-build-isolation'),
            *('--editable', places.root),
        )


def _check_imports(names: str, commands: Commands) -> None:
    with step(f'importing {names}'):
        commands.import_(names)
