"""The pretrained ViT in the place of a ResNet."""

from typing import Any

from mmengine.registry import MODELS
from torch import Tensor, nn

from .dense_vit import SiameseIMDenseViT
from .simple_pyramid import rescale


@MODELS.register_module()
class SiameseIMMultiScaleViT(SiameseIMDenseViT):
    """``SiameseIMDenseViT`` whose four maps have the strides of a ResNet.

    With patches of 16 pixels the strides are 4, 8, 16 and 32, so the stock
    FPN takes them: in a ``mask-rcnn_*`` config only the backbone and
    ``neck=dict(in_channels=[C / 4, C / 2, C, C])`` change. The layers that
    change the resolution are new, learn at the full rate and do not count
    among the pretrained tensors.

    Args:
        arch (str | dict): as for ``SiameseIMViT``.
        **kwargs: as for ``SiameseIMDenseViT``; four ``out_indices``.
    """

    def __init__(self, arch: str | dict = 'base', **kwargs: Any) -> None:
        super().__init__(arch=arch, **kwargs)
        if len(self.out_indices) != 4:
            raise ValueError(
                'four out_indices are needed for the strides 4 to 32, got '
                f'{self.out_indices}'
            )
        rescaled = [rescale(s, self.embed_dims) for s in (4, 2, 1, 0.5)]
        self.resample = nn.ModuleList(layers for layers, _ in rescaled)
        self.out_channels = [channels for _, channels in rescaled]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        """Encode images of any size.

        Args:
            x (Tensor): (B, 3, height, width) normalised images.

        Returns:
            tuple[Tensor, ...]: maps with C / 4, C / 2, C and C channels at
            4, 2, 1 and 1/2 times the resolution of the patch grid.
        """
        maps = super().forward(x)
        return tuple(
            layers(one)
            for layers, one in zip(self.resample, maps, strict=True)
        )
