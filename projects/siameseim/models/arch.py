"""Sizes of a backbone, checked before it is built of them."""

from collections.abc import Collection

from ..errors import InputError, did_you_mean

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
            f'arch={arch!r} of the backbone is not known, give tiny, small, '
            f'base, large, huge, or a dict of {", ".join(_KEYS)}'
            + did_you_mean(str(arch), names)
        )


def _check_sizes(arch: dict) -> None:
    """Refuse a dict with other keys, or with sizes that do not fit."""
    for key in arch:
        if key not in _KEYS:
            raise InputError(
                f'arch.{key} of the backbone is not known, an arch has '
                f'{", ".join(_KEYS)}' + did_you_mean(key, _KEYS)
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
