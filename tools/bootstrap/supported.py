"""The Pythons that the pinned versions have wheels for.

Old Pythons read this file, so it is written for Python 3.6.
"""

# 3.10 is too old for numpy 2.4; the set-up of mmcv 2.1 fails from 3.13 on.
SUPPORTED = ((3, 11), (3, 12))


def wanted() -> str:
    """Return the supported versions as words."""
    return ' or '.join('{}.{}'.format(*version) for version in SUPPORTED)


def cure() -> str:
    """Return how to get a supported Python."""
    return (
        'apt-get install python3.11 python3.11-venv (as root), or with uv: '
        '`uv python install 3.11`, so that python3.11 is on the PATH; '
        'then run the same command again.'
    )
