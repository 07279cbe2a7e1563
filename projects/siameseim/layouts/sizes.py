"""Sizes of a ViT, from its tensors."""

import re
from typing import Any

from torch import Tensor

_LAYER = re.compile(r'layers\.(\d+)\.')


def sizes(tensors: dict[str, Tensor]) -> dict[str, Any]:
    """Sizes of the ViT that these tensors (by our names) make.

    Returns:
        dict[str, Any]: embed_dims, num_layers, patch_size (one number, or a
        pair if not square), in_channels, feedforward_channels (None without
        any layer).
    """
    patches = tensors['patch_embed.projection.weight']
    numbers = [int(m[1]) for m in map(_LAYER.match, tensors) if m]
    hidden = tensors.get('layers.0.ffn.layers.0.0.weight')
    kernel = tuple(patches.shape[2:])
    return dict(
        embed_dims=patches.shape[0],
        num_layers=max(numbers, default=-1) + 1,
        patch_size=kernel[0] if len({*kernel}) == 1 else kernel,
        in_channels=patches.shape[1],
        feedforward_channels=None if hidden is None else hidden.shape[0],
    )
