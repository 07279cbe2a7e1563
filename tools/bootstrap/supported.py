"""The Pythons that the pinned versions have wheels for.

Old Pythons read this file, so it is written for Python 3.6.
"""

import sys

# 3.10 is too old for numpy 2.4; the set-up of mmcv 2.1 fails from 3.13 on.
SUPPORTED = ((3, 11), (3, 12))


def wanted() -> str:
    """Return the supported versions as words."""
    return ' or '.join('{}.{}'.format(*version) for version in SUPPORTED)


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
