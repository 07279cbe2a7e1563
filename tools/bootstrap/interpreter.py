"""Finding a Python the environment can be made with."""

import subprocess
import sys

from bootstrap.errors import SetupError
from bootstrap.supported import SUPPORTED, cure, wanted

_FITS = (
    'import ensurepip, sys, venv; '
    f'sys.exit(sys.version_info[:2] not in {SUPPORTED})'
)


def fits(python: str) -> bool:
    """Whether a Python runs, is supported and can make environments."""
    try:
        done = subprocess.run(
            [python, '-I', '-c', _FITS], capture_output=True, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def find_python() -> str:
    """Return the running Python if it fits, else one on the PATH.

    Raises:
        SetupError: If there is none.
    """
    names = ('python{}.{}'.format(*version) for version in SUPPORTED)
    for python in (sys.executable, *names):
        if fits(python):
            return python
    raise SetupError(
        f'Python {wanted()} with the modules venv and ensurepip is needed; '
        f'{sys.executable} is {sys.version.split()[0]}.',
        cure(),
    )
