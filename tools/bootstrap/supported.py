"""The Pythons that the pinned versions have wheels for.

Old Pythons read this file, so it is written for Python 3.6.
"""

import sys

# 3.10 is too old for numpy 2.4.
SUPPORTED = ((3, 11), (3, 12), (3, 13), (3, 14))


def wanted() -> str:
    """Return the supported versions as words."""
    return '{}.{} to {}.{}'.format(*SUPPORTED[0], *SUPPORTED[-1])


def cure() -> str:
    """Return how to get a supported Python that can make environments."""
    running = sys.version_info[:2]
    version = running if running in SUPPORTED else SUPPORTED[0]
    number = '{}.{}'.format(*version)
    return (
        f'apt-get install python{number} python{number}-venv (as root), or '
        f'with uv: `uv python install {number}`, so that python{number} is on '
        'the PATH; then run the same command again.'
    )
