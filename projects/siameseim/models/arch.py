"""Sizes of a backbone, checked before it is built of them."""

from collections.abc import Collection, Mapping, Sequence

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


def check_indices(
    out_indices: int | Sequence[int],
    arch: str | dict,
    zoo: Mapping[str, dict],
) -> None:
    """Refuse blocks that a backbone does not have.

    Args:
        out_indices (int | Sequence[int]): as for ``SiameseIMViT``.
        arch (str | dict): checked by ``check_arch``.
        zoo (Mapping[str, dict]): sizes of the named ones.

    Raises:
        InputError: naming the first of them.
    """
    sizes = zoo[arch.lower()] if isinstance(arch, str) else arch
    blocks = sizes['num_layers']
    given = [out_indices] if isinstance(out_indices, int) else out_indices
    for index in given:
        if not -blocks <= index < blocks:
            raise InputError(
                f'out_indices={out_indices} of the backbone has {index}, but '
                f'its blocks are 0 to {blocks - 1}: -1 is the last one of any'
            )


def frozen_blocks(frozen_stages: int | str, blocks: int) -> int:
    """Number of frozen blocks that ``frozen_stages`` asks for.

    Args:
        frozen_stages (int | str): a number, -1 for none, or 'all'.
        blocks (int): that the backbone has.

    Raises:
        InputError: if it is none of these, or more than there are.
    """
    if frozen_stages == 'all':
        return blocks
    if type(frozen_stages) is not int or not -1 <= frozen_stages <= blocks:
        raise InputError(
            f'frozen_stages={frozen_stages!r}, but the backbone has only '
            f"{blocks} blocks: give -1 for none, 0 to {blocks}, or 'all'"
        )
    return frozen_stages


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
