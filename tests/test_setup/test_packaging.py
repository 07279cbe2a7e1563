"""What ``pip install`` makes of the project."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import siameseim

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def wheel(tmp_path_factory):
    """The wheel, built from a copy: building writes beside the source."""
    folder = tmp_path_factory.mktemp('build')
    copy = folder / 'siameseim'
    copy.mkdir()
    for name in ('setup.py', 'pyproject.toml', 'LICENSE'):
        shutil.copy(ROOT / name, copy)
    shutil.copytree(ROOT / 'projects', copy / 'projects')
    subprocess.run(
        [sys.executable, '-m', 'pip', 'wheel', '--quiet', '--no-deps']
        + ['--no-build-isolation', '-w', str(folder), str(copy)],
        check=True,
    )
    return next(folder.glob('siameseim-*.whl'))


def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    sources = {
        str(path.relative_to(ROOT / 'projects'))
        for path in (ROOT / 'projects/siameseim').rglob('*.py')
    }
    packed = {name for name in names if '.dist-info/' not in name}
    assert packed == sources


def test_the_wheel_declares_version_licence_and_extras(wheel):
    archive = zipfile.ZipFile(wheel)
    name = next(n for n in archive.namelist() if n.endswith('/METADATA'))
    lines = archive.read(name).decode().splitlines()
    assert f'Version: {siameseim.__version__}' in lines
    extras = {line[16:] for line in lines if line.startswith('Provides-Extra')}
    assert extras == {'det', 'device', 'seg', 'weights', 'robust', 'dev'}
    assert any(n.endswith('LICENSE') for n in archive.namelist())


def test_the_installed_wheel_can_be_imported(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    told = subprocess.run(
        [sys.executable, '-c', 'import siameseim; print(siameseim.__file__)'],
        cwd='/',
        env={**os.environ, 'PYTHONPATH': str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(told.stdout.strip()).is_relative_to(tmp_path)
