"""Set up the project-local environment ``.venv``.

    python3 tools/setup_env.py quickstart   # pretraining; compiles nothing
    python3 tools/setup_env.py test         # full stack, mmcv with operators

Any Python from 3.6 runs this file, which finds one that fits.
"""

import os
import signal
import sys
from pathlib import Path

from bootstrap.supported import SUPPORTED, cure, wanted

TARGETS = ('quickstart', 'test')
# The oldest Python that can read the rest of the set-up.
READS_SETUP = (3, 10)


def hand_over() -> None:
    """Run this file again with a supported Python, or say what to do."""
    for version in SUPPORTED:
        python = 'python{}.{}'.format(*version)
        # A name on the PATH can be an empty shell, as pyenv's are.
        if os.system(f'{python} --version >/dev/null 2>&1') == 0:
            os.execvp(python, [python, *sys.argv])
    sys.exit(
        f'error: Python {wanted()} is needed, this is '
        f'{sys.version.split()[0]} ({sys.executable}).\n  cure: {cure()}'
    )


def interrupt(signum: int, frame: object) -> None:
    """Treat being ended like Ctrl-C, so that children are ended too."""
    raise KeyboardInterrupt


def main(target: str) -> None:
    """Set up one target, with every failure told in two lines."""
    if sys.platform == 'win32':
        sys.exit(
            'error: this set-up is for Linux and macOS.\n  cure: run it in '
            'WSL; or, in an environment of your own, `python -m pip install '
            '-e . mmcv-lite==2.1.0`, which is enough to pretrain.'
        )
    from bootstrap.errors import SetupError
    from bootstrap.flow import set_up
    from bootstrap.places import Places

    signal.signal(signal.SIGTERM, interrupt)
    places = Places(Path(__file__).resolve().parents[1])
    try:
        set_up(places, target)
    except SetupError as error:
        sys.exit(f'error: {error}')
    except OSError as error:
        sys.exit(f'error: {error}\n  cure: {os_cure(error)}')
    except KeyboardInterrupt:
        sys.exit('interrupted; the same command goes on where this stopped.')


def os_cure(error: OSError) -> str:
    """Return what to do about a file that cannot be read or written."""
    if isinstance(error, PermissionError):
        return 'make the project folder and ~/.cache yours (chown).'
    return 'free about 14 GB of disk space, then run again.'


if __name__ == '__main__':
    if len(sys.argv) != 2 or sys.argv[1] not in TARGETS:
        sys.exit(f'usage: {sys.argv[0]} {"|".join(TARGETS)}')
    if sys.version_info < READS_SETUP:
        hand_over()
    main(sys.argv[1])
