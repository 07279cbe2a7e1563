"""Our backbone's weights for stock ViT classes.

Each function takes tensors by our names, as ``read_backbone`` or
``state_dict()`` of a backbone gives them, and the grid (rows, columns of
patches) of the stock model's ``img_size``: stock classes hold positions for
one grid and interpolate them for others, so their features are ours only for
inputs of that size.
"""

import torch
from torch import Tensor

from ..models.stored_positions import on_grid, recognise, with_extra_rows


def to_vision_transformer(
    tensors: dict[str, Tensor], grid: tuple[int, int]
) -> dict[str, Tensor]:
    """For ``mmpretrain.VisionTransformer(final_norm=False)``.

    Raises:
        ValueError: if the backbone has relative positions that are not zero.
    """
    plain = _without_relative_positions(tensors)
    extra = int('cls_token' in plain)
    return {**plain, 'pos_embed': _positions(plain, grid, extra)}


def to_vit_sam(
    tensors: dict[str, Tensor], grid: tuple[int, int]
) -> dict[str, Tensor]:
    """For ``mmpretrain.ViTSAM(out_channels=0)``.

    The class has no cls token, so features are those of our backbones
    without one: ``SiameseIMViTDet``, and with ``window_size=0`` and
    ``use_rel_pos=False`` those of ``SiameseIMViT(with_cls_token=False)``.
    """
    positions = _positions(tensors, grid, num_extra_tokens=0)
    kept = {n: t for n, t in tensors.items() if n != 'cls_token'}
    return {**kept, 'pos_embed': positions.unflatten(1, grid)}


def to_mmseg_mae(
    tensors: dict[str, Tensor], grid: tuple[int, int]
) -> dict[str, Tensor]:
    """For ``mmseg.MAE(norm_cfg=dict(type='LN', eps=1e-6))``.

    Its layer scale becomes one; its relative bias is not in the result and
    has to be zero, as the class initialises it.

    Raises:
        ValueError: if the backbone has relative positions that are not zero.
    """
    converted = to_vision_transformer(tensors, grid)
    for name in [n for n in converted if n.endswith('.ln1.weight')]:
        layer = name.removesuffix('.ln1.weight')
        for scale in ('gamma_1', 'gamma_2'):
            converted[f'{layer}.{scale}'] = torch.ones_like(converted[name])
    return converted


def _positions(
    tensors: dict[str, Tensor], grid: tuple[int, int], num_extra_tokens: int
) -> Tensor:
    """(1, E + H * W, C) positions on a grid."""
    found, stored = recognise(tensors['pos_embed'], grid)
    positions = on_grid(tensors['pos_embed'], stored, grid, found)
    return with_extra_rows(positions, found, num_extra_tokens)


def _without_relative_positions(
    tensors: dict[str, Tensor],
) -> dict[str, Tensor]:
    lost = [n for n, t in tensors.items() if '.rel_pos_' in n and t.any()]
    if lost:
        raise ValueError(
            'the stock class has no relative positions, but '
            f'{len(lost)} tables, first {lost[0]}, are not zero: convert to '
            'ViTSAM instead'
        )
    return {n: t for n, t in tensors.items() if '.rel_pos_' not in n}
