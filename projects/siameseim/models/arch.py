"""Sizes of a backbone, checked before it is built of them, and what it has."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmpretrain.models import VisionTransformer

from ..errors import InputError, did_you_mean

_STOCK = VisionTransformer.arch_zoo
# In the stock table 'small' is 768 wide and 8 deep; the field's ViT-S is 384
# wide and 12 deep.
ARCHS: dict[str, dict[str, int]] = {
    **_STOCK,
    **dict.fromkeys(['t', 'tiny'], _STOCK['deit-tiny']),
    **dict.fromkeys(['s', 'small'], _STOCK['deit-small']),
}
_KEYS = ('embed_dims', 'num_layers', 'num_heads', 'feedforward_channels')
# What the method asks a backbone for.
_NEEDED = (
    'img_size',
    'patch_embed',
    'patch_resolution',
    'cls_token',
    'embed_dims',
    'with_cp',
    'encode',
)


def find_sizes(arch: str | dict, zoo: Mapping[str, dict]) -> dict[str, int]:
    """The sizes that an ``arch`` names or states.

    Args:
        arch (str | dict): as for ``SiameseIMViT``.
        zoo (Mapping[str, dict]): sizes of the named ones, in lower case.

    Raises:
        InputError: if no transformer can be built of it.
    """
    if not isinstance(arch, dict):
        if str(arch).lower() not in zoo:
            raise InputError(
                f'arch={arch!r} of the backbone is not known, give tiny, '
                f'small, base, large, huge, or a dict of {", ".join(_KEYS)}'
                + did_you_mean(str(arch), zoo)
            )
        return zoo[str(arch).lower()]
    for key in arch.keys() - {*_KEYS}:
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
    if arch['embed_dims'] % arch['num_heads']:
        raise InputError(
            f'arch.num_heads={arch["num_heads"]} of the backbone must divide '
            f'its embed_dims={arch["embed_dims"]}'
        )
    return arch


def check_indices(out_indices: int | Sequence[int], blocks: int) -> None:
    """Refuse ``out_indices`` of blocks that a backbone does not have.

    Raises:
        InputError: naming the first of them.
    """
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


def check_backbone(backbone: Any) -> None:
    """Refuse one that cannot encode visible patches and a cls token.

    Raises:
        ValueError: if the image size is no multiple of the patch size.
        InputError: if the backbone lacks something.
    """
    lacking = [name for name in _NEEDED if not hasattr(backbone, name)]
    if lacking:
        raise InputError(
            f'the backbone is a {type(backbone).__name__}, which has no '
            f'{", ".join(lacking)}: the method encodes the visible patches '
            'alone, so give a SiameseIMViT or a class derived from it'
        )
    patch = backbone.patch_embed.projection.kernel_size
    if any(n % p for n, p in zip(backbone.img_size, patch, strict=True)):
        raise ValueError(
            f'img_size={backbone.img_size} must be a multiple of '
            f'patch_size={patch}'
        )
    if backbone.cls_token is None:
        raise InputError(
            'the backbone has with_cls_token=False, but the method '
            'predicts with a cls token: leave it out'
        )
