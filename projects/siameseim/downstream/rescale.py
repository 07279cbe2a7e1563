"""Learned change of a ViT map's resolution."""

from mmpretrain.models.utils import LayerNorm2d
from torch import nn

EPS = 1e-6  # of the channel-wise LayerNorms, as in the ViT


def rescale(scale: float, channels: int) -> tuple[nn.Sequential, int]:
    """Change the resolution of a map by 4, 2, 1 or 1/2.

    As in ViTDet (https://arxiv.org/abs/2203.16527, figure 2): transposed
    convolutions that halve the width at each doubling, max pooling.

    Args:
        scale (float): 4, 2, 1 or 0.5.
        channels (int): width of the map.

    Returns:
        tuple[nn.Sequential, int]: the layers, and the width of their output.

    Raises:
        ValueError: for another scale.
    """
    half, quarter = channels // 2, channels // 4
    if scale == 4:
        layers = nn.Sequential(
            nn.ConvTranspose2d(channels, half, 2, stride=2),
            LayerNorm2d(half, eps=EPS),
            nn.GELU(),
            nn.ConvTranspose2d(half, quarter, 2, stride=2),
        )
        return layers, quarter
    if scale == 2:
        return nn.Sequential(
            nn.ConvTranspose2d(channels, half, 2, stride=2)
        ), half
    if scale == 1:
        return nn.Sequential(), channels
    if scale == 0.5:
        return nn.Sequential(nn.MaxPool2d(2)), channels
    raise ValueError(f'scale must be 4, 2, 1 or 0.5, got {scale}')
