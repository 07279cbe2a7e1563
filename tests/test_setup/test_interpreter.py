"""Choosing a Python."""

import ast
import sys
from pathlib import Path

import pytest
import setup_env

from bootstrap import interpreter
from bootstrap.errors import SetupError
from bootstrap.supported import SUPPORTED

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


def test_takes_the_first_that_fits(monkeypatch):
    monkeypatch.setattr(interpreter, 'fits', lambda python: '3.1' in python)
    monkeypatch.setattr(sys, 'executable', '/usr/bin/python3.9')
    assert interpreter.find_python() == 'python3.11'


@pytest.mark.parametrize(
    ('running', 'number'), [((3, 9, 2), '3.11'), ((3, 14, 3), '3.14')]
)
def test_none_that_fits_names_what_is_needed_and_its_package(
    monkeypatch, running, number
):
    monkeypatch.setattr(interpreter, 'fits', lambda python: False)
    monkeypatch.setattr(sys, 'version_info', running)
    with pytest.raises(SetupError, match='3.11 to 3.14 with .*venv') as caught:
        interpreter.find_python()
    assert sys.version.split()[0] in caught.value.problem
    packages = f'apt-get install python{number} python{number}-venv '
    assert packages in caught.value.cure


@pytest.mark.skipif(
    sys.version_info[:2] not in SUPPORTED, reason='this Python is not pinned'
)
def test_the_running_python_fits():
    assert interpreter.fits(sys.executable)


@pytest.mark.parametrize('version', [(3, 10), (3, 15)])
def test_an_unsupported_one_does_not_fit(monkeypatch, version):
    code = interpreter._FITS.replace('sys.version_info[:2]', str(version))
    monkeypatch.setattr(interpreter, '_FITS', code)
    assert not interpreter.fits(sys.executable)


def test_a_name_that_does_not_run_is_no_python(tmp_path):
    shim = tmp_path / 'python3.12'
    shim.write_text('#!/bin/sh\necho "command not found" >&2\nexit 127\n')
    shim.chmod(0o755)
    assert not interpreter.fits(str(shim))
    assert not interpreter.fits(str(tmp_path / 'none'))


@pytest.mark.parametrize(
    'name', ['setup_env.py', 'bootstrap/supported.py', 'bootstrap/__init__.py']
)
def test_an_old_python_can_read_the_start(name):
    tree = ast.parse((TOOLS / name).read_text(), feature_version=(3, 6))
    assert tree.body


def test_an_old_python_alone_is_told_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(SystemExit, match='3.11 to 3.14 is needed'):
        setup_env.hand_over()


def test_on_windows_it_says_what_to_do_in_its_place(monkeypatch):
    monkeypatch.setattr(sys, 'platform', 'win32')
    monkeypatch.setitem(sys.modules, 'fcntl', None)
    monkeypatch.delitem(sys.modules, 'bootstrap.flow', raising=False)
    monkeypatch.delitem(sys.modules, 'bootstrap.lock', raising=False)
    with pytest.raises(SystemExit, match='pip install -e . mmcv-lite'):
        setup_env.main('quickstart')
