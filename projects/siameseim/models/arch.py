"""Sizes of a backbone, checked before it is built of them."""

import difflib
from collections.abc import Collection

from ..errors import InputError

_KEYS = ('embed_dims', 'num_layers', 'num_heads', 'feedforward_channels')


def check_arch(arch: str | dict, names: Collection[str]) -> None:
    """Refuse an ``arch`` of which no transformer can be built.

    Args:
        arch (str | dict): as for ``SiameseIMViT``.
        names (Collection[str]): the known ones, in lower case.

    Raises:
        InputError: naming the wrong part and what is possible.
    """
    if isinstance(arch, dict):
        _check_sizes(arch)
    elif str(arch).lower() not in names:
        raise InputError(
            f'arch={arch!r} of the backbone is not known'
            f'{_meant(str(arch), names)}: give tiny, small, base, large or '
            f'huge, or a dict of {", ".join(_KEYS)}'
        )


def _check_sizes(arch: dict) -> None:
    """Refuse a dict with other keys, or with sizes that do not fit."""
    for key in arch:
        if key not in _KEYS:
            raise InputError(
                f'arch.{key} of the backbone is not known{_meant(key, _KEYS)}:'
                f' an arch has {", ".join(_KEYS)}'
            )
    for key in _KEYS:
        if not isinstance(arch.get(key), int) or arch[key] < 1:
            raise InputError(
                f'arch.{key}={arch.get(key)!r} of the backbone must be a '
                'whole number from 1 on'
            )
    width, heads = arch['embed_dims'], arch['num_heads']
    if width % heads:
        raise InputError(
            f'arch.num_heads={heads} of the backbone must divide its '
            f'embed_dims={width}'
        )


def _meant(name: str, known: Collection[str]) -> str:
    """The nearest of the known names, if one is near."""
    near = difflib.get_close_matches(name, known, n=1)
    return f' (did you mean {near[0]}?)' if near else ''
