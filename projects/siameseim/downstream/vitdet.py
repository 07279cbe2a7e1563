"""The ViTDet backbone: windows, global blocks and relative positions."""

import math
from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor

from ..models.vit import SiameseIMViT
from .relative_attention import RelativeAttention


@MODELS.register_module()
class SiameseIMViTDet(SiameseIMViT):
    """``SiameseIMViT`` for large images (https://arxiv.org/abs/2203.16527).

    Most blocks attend within windows, a few over the whole map; all have
    decomposed relative positions, which start at zero. There is no cls
    token. A pretrained file brings everything but the relative positions.

    A table of the memory that training takes is in docs/detection.md.

    Args:
        arch (str | dict): as for ``SiameseIMViT``.
        img_size (int | tuple[int, int]): input size in pixels that the
            global blocks' relative positions are made for; other sizes
            interpolate them. Defaults to 1024.
        window_size (int): side of the windows in patches. Defaults to 14.
        global_blocks (Sequence[int], optional): blocks that attend over the
            whole map, from 0. Defaults to None: those in which a quarter of
            the depth ends, so the last block always: 2, 5, 8, 11 for ViT-B,
            5, 11, 17, 23 for ViT-L, and 2, 4, 7, 9 for ten blocks.
        **kwargs: as for ``SiameseIMViT``.

    Raises:
        ValueError: if one of ``global_blocks`` does not exist.
    """

    def __init__(
        self,
        arch: str | dict = 'base',
        img_size: int | tuple[int, int] = 1024,
        window_size: int = 14,
        global_blocks: Sequence[int] | None = None,
        **kwargs: Any,
    ) -> None:
        dense = dict(out_type='featmap', frozen_patch_embed=False)
        super().__init__(
            arch=arch,
            img_size=img_size,
            with_cls_token=False,
            **{**dense, **kwargs},
        )
        if global_blocks is None:
            global_blocks = ends_of_quarters(self.num_layers)
        absent = {*global_blocks} - {*range(self.num_layers)}
        if absent:
            raise ValueError(
                f'global_blocks={[*global_blocks]}, but the blocks are 0 to '
                f'{self.num_layers - 1}: leave out {sorted(absent)}'
            )
        for i, layer in enumerate(self.layers):
            plain = layer.attn
            layer.attn = RelativeAttention(
                self.embed_dims,
                plain.num_heads,
                grid=self.patch_resolution,
                window=None if i in global_blocks else window_size,
                attn_drop=plain.attn_drop,
                proj_drop=plain.proj_drop.p,
                qkv_bias=plain.qkv.bias is not None,
            )
            layer.attn.out_drop = plain.out_drop
            layer.attn.gamma1 = plain.gamma1
        self._register_load_state_dict_pre_hook(self._resize_tables)
        self.train()  # freezes the new attention too

    def forward(  # type: ignore[override]
        self, x: Tensor
    ) -> Tensor | tuple[Tensor, ...]:
        """Maps of (B, 3, H, W) images, of which windows need all patches."""
        return super().forward(x)

    def _embed(self, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """What the first block gets, here (B, H, W, C), and grid (H, W)."""
        x, grid = super()._embed(x)
        return x.unflatten(1, grid), grid  # (B, L, C) -> (B, H, W, C)

    def _format_output(self, x: Tensor, hw: tuple[int, int]) -> Tensor:
        return super()._format_output(x.flatten(1, 2), hw)

    def _resize_tables(
        self, state_dict: dict[str, Tensor], prefix: str, *args: Any
    ) -> None:
        """Before loading: bring relative positions to our window or grid."""
        for name, own in self.named_parameters():
            key = f'{prefix}{name}'
            if '.rel_pos_' in name and key in state_dict:
                state_dict[key] = resize_table(state_dict[key], len(own))


def resize_table(table: Tensor, length: int) -> Tensor:
    """Interpolate a table of distances linearly: (T, D) -> (length, D)."""
    if len(table) == length:
        return table
    return F.interpolate(table.T[None], size=length, mode='linear')[0].T


def ends_of_quarters(depth: int) -> list[int]:
    """Blocks in which a quarter of the depth ends, counted from 0.

    Args:
        depth (int): number of blocks; below 4 all of them are returned.
    """
    ends = [math.ceil(depth * part / 4) - 1 for part in (1, 2, 3, 4)]
    return sorted({*ends})
