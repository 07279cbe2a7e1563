"""Finding a Python the environment can be made with."""

import json
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass

from bootstrap.errors import SetupError
from bootstrap.supported import SUPPORTED, cure, wanted

_ASK = (
    'import json, sys, importlib.util as u; print(json.dumps('
    '[sys.executable, list(sys.version_info[:3]), '
    'all(u.find_spec(m) for m in ("venv", "ensurepip"))]))'
)


@dataclass(frozen=True)
class Interpreter:
    """A Python on this machine.

    Args:
        path: Its executable.
        version: Major, minor and micro number.
        makes_venvs: Whether it has the modules venv and ensurepip.
    """

    path: str
    version: tuple[int, ...]
    makes_venvs: bool

    @property
    def supported(self) -> bool:
        """Whether the pinned versions exist for it."""
        return self.version[:2] in SUPPORTED


def describe(path: str) -> Interpreter | None:
    """Ask an executable what it is; None if it does not run."""
    try:
        answer = subprocess.run(
            [path, '-I', '-c', _ASK],
            capture_output=True,
            check=True,
            text=True,
            timeout=30,
        )
        executable, version, makes_venvs = json.loads(answer.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return Interpreter(executable, tuple(version), makes_venvs)


def candidates() -> Iterable[Interpreter]:
    """Yield the running Python, then the supported ones on the PATH."""
    names = [f'python{major}.{minor}' for major, minor in SUPPORTED]
    for path in [sys.executable, *names]:
        found = describe(path)
        if found is not None:
            yield found


def choose(found: Iterable[Interpreter]) -> Interpreter:
    """Return the first supported Python that can make environments.

    Raises:
        SetupError: If there is none; the cure tells whether a Python or only
            its venv module is missing.
    """
    supported: list[Interpreter] = []
    others: list[Interpreter] = []
    for python in found:
        if python.supported and python.makes_venvs:
            return python
        (supported if python.supported else others).append(python)
    if supported:
        major, minor = supported[0].version[:2]
        raise SetupError(
            f'{supported[0].path} lacks the modules venv and ensurepip.',
            f'apt-get install python{major}.{minor}-venv (as root), '
            'then run again.',
        )
    seen = ', '.join(
        f'{p.path} is {".".join(map(str, p.version))}' for p in others
    )
    raise SetupError(f'Python {wanted()} is needed; {seen}.', cure())
