"""The pretrained ViT as a backbone for detection and segmentation.

With the maps of its blocks as they are, or scaled as those of a ResNet.
"""

from collections.abc import Sequence
from typing import Any

from mmengine.registry import MODELS
from torch import Tensor, nn

from ..log import tell
from ..models.vit import SiameseIMViT
from .simple_pyramid import rescale


# The name of the plain class in mmpretrain, which asks its own registry first.
@MODELS.register_module(name='SiameseIMViT')
class SiameseIMDenseViT(SiameseIMViT):
    """``SiameseIMViT`` that returns the feature maps of several blocks.

    Known to mmdet and mmseg as ``SiameseIMViT``; only the defaults differ
    from mmpretrain's class of that name, so weights and features are the
    same. ``forward`` returns maps (B, C, ceil(height / patch_size),
    ceil(width / patch_size)), one for each of ``out_indices``. The patch
    embedding is trained, as the published fine-tuning does.

    Args:
        arch (str | dict): as for ``SiameseIMViT``.
        out_indices (int | Sequence[int], optional): blocks whose output is
            returned, from 0. Defaults to None: at 1/3, 1/2, 2/3 and the end
            of the depth, which is 3, 5, 7, 11 for ViT-B and 7, 11, 15, 23
            for ViT-L.
        pretrained (str, optional): only there to refuse what stock segmentor
            configs pass for their own backbone; use ``init_cfg``.
        **kwargs: as for ``SiameseIMViT``: ``img_size``, ``patch_size``,
            ``drop_path_rate``, ``frozen_stages``, ``with_cp``, ``init_cfg``
            ...
    """

    def __init__(
        self,
        arch: str | dict = 'base',
        out_indices: int | Sequence[int] | None = None,
        pretrained: str | None = None,
        **kwargs: Any,
    ) -> None:
        if pretrained is not None:
            raise ValueError(
                f'pretrained={pretrained!r} comes from the stock config and '
                'is meant for its own backbone: set pretrained=None in the '
                "model, and init_cfg=dict(type='Pretrained', checkpoint=...) "
                'in the backbone'
            )
        dense = dict(out_type='featmap', frozen_patch_embed=False)
        super().__init__(
            arch=arch,
            out_indices=-1 if out_indices is None else out_indices,
            **{**dense, **kwargs},
        )
        if out_indices is None:
            self.out_indices = spread_over_depth(self.num_layers)
        self._padding_reported = False

    def _embed(self, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
        self._report_padding(x)
        return super()._embed(x)

    def _report_padding(self, x: Tensor) -> None:
        """Say once how to crop predictions when inputs must be padded."""
        height, width = self.patch_embed.projection.stride
        whole = x.shape[-2] % height == 0 and x.shape[-1] % width == 0
        if whole or self._padding_reported:
            return
        self._padding_reported = True
        tell(
            f'an input of {tuple(x.shape[-2:])} pixels is padded to multiples '
            f'of the patch size {(height, width)}: the maps cover the padded '
            'image. To have predictions cropped, let the data preprocessor '
            f'pad: pad_size_divisor={height} in mmdet, size_divisor={height} '
            f'and test_cfg=dict(size_divisor={height}) in mmseg'
        )


@MODELS.register_module()
class SiameseIMMultiScaleViT(SiameseIMDenseViT):
    """``SiameseIMDenseViT`` whose maps have the strides of a ResNet.

    With patches of 16 pixels the strides are 4, 8, 16 and 32, so the stock
    FPN takes them: in a ``mask-rcnn_*`` config only the backbone and
    ``neck=dict(in_channels=[C / 4, C / 2, C, C])`` change. The layers that
    change the resolution are new, learn at the full rate and do not count
    among the pretrained tensors.

    Args:
        arch (str | dict): as for ``SiameseIMViT``.
        scales (Sequence[float]): resolution of each map over that of the
            patch grid, of 4, 2, 1 and 0.5. Make only those that the neck
            uses: several processes wait for the gradients of all. Defaults
            to all four.
        out_indices (Sequence[int], optional): blocks of the maps. Defaults
            to None: the last of those of ``SiameseIMDenseViT``.
        **kwargs: as for ``SiameseIMDenseViT``.

    Raises:
        ValueError: if there are not as many ``out_indices`` as ``scales``.
    """

    def __init__(
        self,
        arch: str | dict = 'base',
        scales: Sequence[float] = (4, 2, 1, 0.5),
        out_indices: int | Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(arch=arch, out_indices=out_indices, **kwargs)
        if out_indices is None:
            self.out_indices = self.out_indices[-len(scales) :]
        if len(self.out_indices) != len(scales):
            raise ValueError(
                f'each of scales={[*scales]} needs a block, but out_indices='
                f'{self.out_indices}: give as many of both (the strides are '
                'those of the patches divided by scales)'
            )
        rescaled = [rescale(s, self.embed_dims) for s in scales]
        self.resample = nn.ModuleList(layers for layers, _ in rescaled)
        self.out_channels = [channels for _, channels in rescaled]

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        """Encode images of any size.

        Args:
            x (Tensor): (B, 3, height, width) normalised images.

        Returns:
            tuple[Tensor, ...]: a map for each of ``scales``; those at 4, 2,
            1 and 1/2 times the resolution of the patch grid have C / 4,
            C / 2, C and C channels.
        """
        maps = super().forward(x)
        return tuple(
            layers(one)
            for layers, one in zip(self.resample, maps, strict=True)
        )


def spread_over_depth(depth: int) -> list[int]:
    """Blocks at 1/3, 1/2, 2/3 and the end of the depth, counted from 0.

    Raises:
        ValueError: if the depth is too small for four different blocks.
    """
    ends = [depth / 3, depth / 2, depth * 2 / 3, depth]
    blocks = [round(end) - 1 for end in ends]
    if len({*blocks}) < len(blocks) or blocks[0] < 0:
        raise ValueError(
            f'a backbone of {depth} blocks has no natural choice of four '
            'blocks: give out_indices'
        )
    return blocks
