"""Choosing a Python."""

import ast
import sys
from pathlib import Path

import pytest
import setup_env

from bootstrap.errors import SetupError
from bootstrap.interpreter import Interpreter, choose, describe

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
OLD = Interpreter('/usr/bin/python3', (3, 9, 2), True)
BARE = Interpreter('/usr/bin/python3.11', (3, 11, 2), False)
GOOD = Interpreter('/opt/python3.12', (3, 12, 1), True)


def test_takes_the_first_that_fits() -> None:
    assert choose([OLD, BARE, GOOD]) is GOOD


def test_missing_ensurepip_names_the_debian_package() -> None:
    with pytest.raises(SetupError, match='apt-get install python3.11-venv'):
        choose([OLD, BARE])


def test_wrong_version_names_what_was_seen_and_what_is_needed() -> None:
    with pytest.raises(SetupError, match='3.9.2') as caught:
        choose([OLD])
    assert '3.11 or 3.12 is needed' in caught.value.problem
    assert 'apt-get install python3.11' in caught.value.cure


def test_describes_the_running_python() -> None:
    found = describe(sys.executable)
    assert found is not None
    assert found.version == sys.version_info[:3]


def test_a_name_that_does_not_run_is_no_python(tmp_path: Path) -> None:
    shim = tmp_path / 'python3.12'
    shim.write_text('#!/bin/sh\necho "command not found" >&2\nexit 127\n')
    shim.chmod(0o755)
    assert describe(str(shim)) is None


@pytest.mark.parametrize(
    'name', ['setup_env.py', 'bootstrap/supported.py', 'bootstrap/__init__.py']
)
def test_an_old_python_can_read_the_start(name: str) -> None:
    tree = ast.parse((TOOLS / name).read_text(), feature_version=(3, 6))
    assert tree.body


def test_an_old_python_alone_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(SystemExit, match='3.11 or 3.12 is needed'):
        setup_env.hand_over()
