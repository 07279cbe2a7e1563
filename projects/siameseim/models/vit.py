"""The Vision Transformer that SiameseIM trains.

Shape legend: B batch, L all patches, V visible patches, C width.
"""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import XavierInit
from mmpretrain.models import VisionTransformer
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ..layouts.load_backbone import (
    load_pretrained,
    split_init_cfg,
    warn_if_absent,
)
from .arch import ARCHS, check_indices, find_sizes, frozen_blocks
from .fast_blocks import use_fast_blocks
from .position import grid_sincos
from .recompute import run_block
from .stored_positions import StoredPositions, on_grid, take_over


@MODELS.register_module()
class SiameseIMViT(VisionTransformer):
    """ViT with fixed sin-cos positions that can encode visible patches only.

    Without ``visible`` it is a plain mmpretrain backbone. It has no final norm
    by default (the method trains none); its patch embedding stays frozen at
    its initialisation, as in MoCo v3 (https://arxiv.org/abs/2104.02057).

    Inputs of any size: the right and bottom edge are padded with zeros to
    whole patches, and the positions are recomputed for the grid, which is
    exact since they are a formula. Only where a checkpoint brought positions
    that are not sin-cos are these interpolated, and a log line says so.

    ``init_cfg=dict(type='Pretrained', checkpoint=FILE)`` takes any layout
    that ``layouts.load_backbone.load_pretrained`` knows, with
    ``branch='target'`` for the target branch, and raises unless the backbone
    was in the file.

    Args:
        arch (str | dict): 'tiny', 'small', 'base', 'large', 'huge' (or their
            first letters), or a dict as for ``VisionTransformer``.
        frozen_patch_embed (bool): keep the patch embedding at its initial
            values. Defaults to True.
        final_norm (bool): LayerNorm after the last block. Defaults to False.
        out_indices (int | Sequence[int]): blocks whose output is returned,
            from 0; negative numbers count from the end. Defaults to -1.
        frozen_stages (int | str): blocks kept in eval mode and without
            gradient, with everything before them; 0 freezes what precedes the
            first block, 'all' or the number of blocks the whole backbone.
            Defaults to -1: nothing.
        with_cp (bool): recompute each block in the backward pass instead of
            storing its activations. Defaults to False.
        **kwargs: as for ``mmpretrain.VisionTransformer``: ``img_size`` and
            ``patch_size`` in pixels, ``out_type``, ``drop_path_rate`` ...
    """

    arch_zoo = ARCHS

    init_cfg: dict | list[dict] | None

    def __init__(
        self,
        arch: str | dict = 'base',
        frozen_patch_embed: bool = True,
        final_norm: bool = False,
        out_indices: int | Sequence[int] = -1,
        frozen_stages: int | str = -1,
        with_cp: bool = False,
        **kwargs: Any,
    ) -> None:
        blocks = find_sizes(arch, self.arch_zoo)['num_layers']
        check_indices(out_indices, blocks)
        if not isinstance(out_indices, int):
            out_indices = [*out_indices]  # the stock class edits it in place
        super().__init__(
            arch=arch, final_norm=final_norm, out_indices=out_indices, **kwargs
        )
        self.with_cp = with_cp
        self.stored_positions = StoredPositions(self.patch_resolution)
        use_fast_blocks(self)
        self.pos_embed.requires_grad = False
        with torch.no_grad():
            self.pos_embed.copy_(self._positions(self.patch_resolution))
        if frozen_patch_embed:
            self.patch_embed.requires_grad_(False)
        self.frozen_stages = frozen_blocks(frozen_stages, blocks)
        self.train()

    def train(self, mode: bool = True) -> 'SiameseIMViT':
        """Switch the mode of all but the frozen stages."""
        nn.Module.train(self, mode)
        if self.frozen_stages >= 0:
            self._freeze_stages()
        return self

    def init_weights(self) -> None:
        """Initialise as in method section 6, then load what is pretrained."""
        whole_cfg = self.init_cfg
        others, pretrained = split_init_cfg(whole_cfg)
        self.init_cfg = others  # the stock loader would skip all it misses
        super().init_weights()
        self.init_cfg = whole_cfg
        XavierInit(layer='Linear', distribution='uniform')(self)
        self._init_patch_embed()
        if self.cls_token is not None:
            nn.init.normal_(self.cls_token, std=0.02)
        with torch.no_grad():
            self.pos_embed.copy_(self._positions(self.patch_resolution))
        if pretrained is not None:
            load_pretrained(self, **pretrained)

    def _init_patch_embed(self) -> None:
        """Xavier-uniform of the projection seen as one matrix, zero bias."""
        projection = self.patch_embed.projection
        weight = projection.weight
        nn.init.xavier_uniform_(weight.view(len(weight), -1))
        if projection.bias is not None:
            nn.init.zeros_(projection.bias)

    def forward(
        self, x: Tensor, visible: Tensor | None = None
    ) -> Tensor | tuple[Tensor, ...]:
        """Encode images, or only their visible patches.

        Args:
            x (Tensor): (B, 3, height, width) normalised images.
            visible (Tensor, optional): (B, V) indices of the patches to keep,
                row by row over the grid. Defaults to None: all of them.

        Returns:
            Tensor | tuple[Tensor, ...]: with ``visible`` the tokens
            (B, 1 + V, C), cls first; without, one output of ``out_type`` for
            each of ``out_indices``.
        """
        if visible is not None:
            return self.encode(x, visible)
        x, grid = self._embed(x)
        x = self._prepend_cls(x)
        outs = []
        for i, layer in enumerate(self.layers):
            x = run_block(layer, x, self.with_cp)
            if i == len(self.layers) - 1 and self.final_norm:
                x = self.ln1(x)
            if i in self.out_indices:
                outs.append(self._format_output(x, grid))
        return tuple(outs)

    def encode(self, x: Tensor, visible: Tensor | None = None) -> Tensor:
        """Tokens of the last block, for all patches or the visible ones.

        Args:
            x (Tensor): (B, 3, height, width) normalised images.
            visible (Tensor, optional): (B, V) patch indices.

        Returns:
            Tensor: (B, 1 + V, C), or (B, 1 + L, C) without ``visible``.
        """
        x, _ = self._embed(x)
        if visible is not None:
            index = visible[..., None].expand(-1, -1, x.shape[-1])
            x = x.gather(1, index)  # (B, L, C) -> (B, V, C)
        x = self._prepend_cls(x)
        for layer in self.layers:
            x = run_block(layer, x, self.with_cp)
        return self.ln1(x) if self.final_norm else x

    def _embed(self, x: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """What the first block gets of patches: (B, L, C), and grid (H, W)."""
        x, grid = self.patch_embed(x)
        extra = self.num_extra_tokens
        positions = on_grid(
            self.pos_embed,
            self.stored_positions,
            grid,
            extra,
            self.interpolate_mode,
        )
        x = x + positions[:, extra:]
        return self.pre_norm(self.drop_after_pos(x)), grid

    def _prepend_cls(self, x: Tensor) -> Tensor:
        """(B, V, C) -> (B, 1 + V, C).

        The cls token's position is zero unless a checkpoint brought learned
        positions.
        """
        if self.cls_token is None:
            return x
        cls_token = self.cls_token + self.pos_embed[:, :1]
        cls_token = cls_token.expand(x.shape[0], -1, -1)
        cls_token = self.pre_norm(self.drop_after_pos(cls_token))
        return torch.cat([cls_token.to(x.dtype), x], dim=1)

    def _positions(self, grid: tuple[int, int]) -> Tensor:
        return grid_sincos(grid, self.embed_dims, self.num_extra_tokens)

    def _prepare_pos_embed(
        self, state_dict: dict[str, Tensor], prefix: str, *args: Any
    ) -> None:
        """Before loading: take over the kind of positions the file holds."""
        warn_if_absent(state_dict, prefix)
        name = f'{prefix}pos_embed'
        if name not in state_dict:
            return
        positions, self.stored_positions = take_over(
            state_dict[name].flatten(1, -2),  # ViTSAM has (1, H, W, C)
            self.patch_resolution,
            self.num_extra_tokens,
        )
        state_dict[name] = positions
        if positions.shape != self.pos_embed.shape:
            self.pos_embed.data = self.pos_embed.new_empty(positions.shape)
