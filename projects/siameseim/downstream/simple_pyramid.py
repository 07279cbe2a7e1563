"""The simple feature pyramid of ViTDet."""

from collections import OrderedDict
from collections.abc import Sequence

import torch.nn.functional as F
from mmengine.model import BaseModule
from mmengine.registry import MODELS
from mmpretrain.models.utils import LayerNorm2d
from torch import Tensor, nn

EPS = 1e-6  # of the channel-wise LayerNorms, as in the ViT


@MODELS.register_module()
class SiameseIMSimplePyramid(BaseModule):
    """All levels from the last map alone, plus one by pooling.

    Each scale of the map goes through a 1x1 and a 3x3 convolution, each
    followed by a channel-wise LayerNorm
    (https://arxiv.org/abs/2203.16527, figure 2).

    Args:
        in_channels (int): width of the backbone.
        out_channels (int): width of all levels. Defaults to 256.
        scales (Sequence[float]): resolution of each level over that of the
            map. Defaults to (4, 2, 1, 0.5), strides 4 to 32 for patches of
            16 pixels.
        init_cfg (dict, optional): mmengine initialisation config.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int = 256,
        scales: Sequence[float] = (4, 2, 1, 0.5),
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.levels = nn.ModuleList(
            _level(scale, in_channels, out_channels) for scale in scales
        )

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Build the pyramid.

        Args:
            maps (Sequence[Tensor]): the backbone's maps; the last one,
                (B, in_channels, H, W), is used.

        Returns:
            tuple[Tensor, ...]: one (B, out_channels, ...) for each scale and
            one of half the last one's resolution.
        """
        levels = [level(maps[-1]) for level in self.levels]
        # every second pixel, as the extra level of the stock FPN
        levels.append(F.max_pool2d(levels[-1], kernel_size=1, stride=2))
        return tuple(levels)


def _level(scale: float, in_channels: int, out_channels: int) -> nn.Sequential:
    resample, channels = rescale(scale, in_channels)
    parts = OrderedDict(
        resample=resample,
        lateral=nn.Conv2d(channels, out_channels, 1, bias=False),
        lateral_norm=LayerNorm2d(out_channels, eps=EPS),
        output=nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
        output_norm=LayerNorm2d(out_channels, eps=EPS),
    )
    return nn.Sequential(parts)


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
