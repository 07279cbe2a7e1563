"""ViTDet in detectron2's layout and in ours."""

import re
from math import log2

from torch import Tensor

from .names import ours_to_timm, timm_to_ours

# Layers that change the resolution come first in detectron2's sequence of a
# level; so many they are at each scale.
_RESAMPLE_LAYERS = {4.0: 4, 2.0: 1, 1.0: 0, 0.5: 1}
PYRAMID_SCALES = (*_RESAMPLE_LAYERS,)
_PYRAMID = re.compile(r'simfp_(\d+)\.(\d+)\.(norm\.)?(weight|bias)')


def convert_vitdet(
    state: dict[str, Tensor], scales: tuple[float, ...], patch_size: int
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Rename detectron2's ViTDet backbone with simple feature pyramid.

    Args:
        state (dict[str, Tensor]): tensors named ``net.*`` and ``simfp_*``,
            or ``backbone.net.*`` ... as in a whole detector, whose other
            tensors are left out.
        scales (tuple[float, ...]): of the pyramid, in our order.
        patch_size (int): in pixels; detectron2 names levels by strides.

    Returns:
        tuple[dict[str, Tensor], dict[str, Tensor]]: for ``SiameseIMViTDet``
        and for ``SiameseIMSimplePyramid``.
    """
    backbone, pyramid = {}, {}
    # detectron2 names a level by the whole part of log2 of its stride.
    levels = {int(log2(patch_size / s)): (i, s) for i, s in enumerate(scales)}
    for name, tensor in state.items():
        name = name.removeprefix('backbone.')
        if name.startswith('net.'):
            backbone[timm_to_ours(name.removeprefix('net.'))] = tensor
        elif match := _PYRAMID.fullmatch(name):
            stage, index, norm, kind = match.groups()
            level, scale = levels[int(stage)]
            place = int(index) - _RESAMPLE_LAYERS[scale]
            part = {0: 'lateral', 1: 'output'}.get(place, f'resample.{index}')
            suffix = '_norm' if norm else ''
            pyramid[f'levels.{level}.{part}{suffix}.{kind}'] = tensor
    return backbone, pyramid


def to_detectron2(
    backbone: dict[str, Tensor],
    pyramid: dict[str, Tensor],
    patch_size: int,
) -> dict[str, Tensor]:
    """Rename our ViTDet backbone and pyramid for detectron2.

    Args:
        backbone (dict[str, Tensor]): of ``SiameseIMViTDet``.
        pyramid (dict[str, Tensor]): of ``SiameseIMSimplePyramid``; may be
            empty.
        patch_size (int): in pixels.

    Returns:
        dict[str, Tensor]: named ``net.*`` and ``simfp_*``.
    """
    state = {f'net.{ours_to_timm(n)}': t for n, t in backbone.items()}
    for name, tensor in pyramid.items():
        _, level, part, rest = name.split('.', 3)
        scale = PYRAMID_SCALES[int(level)]
        stage = int(log2(patch_size / scale))
        if part != 'resample':
            place = _RESAMPLE_LAYERS[scale] + part.startswith('output')
            norm = 'norm.' if part.endswith('_norm') else ''
            rest = f'{place}.{norm}{rest}'
        state[f'simfp_{stage}.{rest}'] = tensor
    return state
