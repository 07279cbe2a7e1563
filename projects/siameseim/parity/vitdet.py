"""Compares ViTDet with a reference file that detectron2 computed."""

from math import log2
from typing import Any

import torch

from ..downstream.simple_pyramid import SiameseIMSimplePyramid
from ..downstream.vitdet import SiameseIMViTDet
from ..layouts.vitdet import convert_vitdet
from ..models.stored_positions import StoredPositions, with_extra_rows
from .report import Row, absolute_deviation

_TOLERANCE = 1e-4


@torch.no_grad()
def compare(contents: dict[str, Any]) -> list[Row]:
    """Repeat the file's forward pass.

    Args:
        contents (dict[str, Any]): a loaded ``reference_vitdet_*.pt``:
            config, state, input, backbone_feature, pyramid.

    Returns:
        list[Row]: largest absolute deviation of the backbone's map and of
        each pyramid level.
    """
    backbone, pyramid = build(contents)
    maps = backbone(contents['input'])
    deviation = absolute_deviation(maps[-1], contents['backbone_feature'])
    rows = [Row('backbone feature', deviation, _TOLERANCE)]
    levels = dict(zip(_level_names(contents), pyramid(maps), strict=True))
    for name, reference in contents['pyramid'].items():
        deviation = absolute_deviation(levels[name], reference)
        rows.append(Row(f'pyramid {name}', deviation, _TOLERANCE))
    return rows


def build(
    contents: dict[str, Any],
) -> tuple[SiameseIMViTDet, SiameseIMSimplePyramid]:
    """Backbone and pyramid of the file's sizes, with its weights.

    Raises:
        ValueError: if the pyramid of the file has other norms than ours.
    """
    config, state = contents['config'], contents['state']
    if config['pyramid_norm'] != 'LN':
        raise ValueError(
            f'pyramid_norm is {config["pyramid_norm"]!r}, ours is LN only'
        )
    patch_size, width = config['patch_size'], config['embed_dim']
    backbone = SiameseIMViTDet(
        arch=dict(
            embed_dims=width,
            num_layers=config['depth'],
            num_heads=config['num_heads'],
            feedforward_channels=len(state['net.blocks.0.mlp.fc1.bias']),
        ),
        img_size=config['img_size'],
        patch_size=patch_size,
        window_size=config['window_size'],
        global_blocks=config['global_attention_blocks'],
        norm_cfg=dict(type='LN', eps=config['ln_eps']),
    )
    scales = _scales(contents)
    pyramid = SiameseIMSimplePyramid(width, config['out_channels'], scales)
    ours, levels = convert_vitdet(state, scales, patch_size)
    positions = ours['pos_embed']
    backbone.load_state_dict(ours)
    pyramid.load_state_dict(levels)
    # detectron2 interpolates positions of any kind, sin-cos ones too
    side = config['pretrain_img_size'] // patch_size
    positions = with_extra_rows(positions, positions.shape[1] - side**2, 0)
    backbone.pos_embed.data = positions
    backbone.stored_positions = StoredPositions((side, side), None)
    return backbone.eval(), pyramid.eval()


def _scales(contents: dict[str, Any]) -> tuple[float, ...]:
    """Scales of the pyramid, finest first."""
    scales = contents['config']['scale_factors']
    return tuple(sorted(map(float, scales), reverse=True))


def _level_names(contents: dict[str, Any]) -> list[str]:
    """detectron2's names of our levels: p and the log2 of the stride."""
    patch_size = contents['config']['patch_size']
    stages = [int(log2(patch_size / scale)) for scale in _scales(contents)]
    return [f'p{stage}' for stage in [*stages, stages[-1] + 1]]
