"""Projector and predictor (method section 3).

Shape legend: B batch, V visible patches of view 1, L all patches of view 2,
H x W its grid, C backbone width, D decoder width.
"""

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule, XavierInit, initialize
from mmpretrain.models.utils import to_2tuple
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from .decoder_blocks import transformer_blocks
from .norm import layer_norm_fp32
from .position import RelativeGeometry, grid_sincos, relative_sincos


class Projector(BaseModule):
    """Linear(C -> D) and ``transformer_blocks``, in both branches."""

    def __init__(
        self, in_channels: int, embed_dims: int, **blocks: Any
    ) -> None:
        super().__init__()
        self.embed = nn.Linear(in_channels, embed_dims)
        self.blocks = transformer_blocks(embed_dims, **blocks)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, 1 + V, C) -> (B, 1 + V, D)."""
        return self.blocks(self.embed(tokens))


class Predictor(BaseModule):
    """Predicts view 2's features from view 1's and the relative position.

    Args:
        embed_dims (int): decoder width D.
        grid (tuple[int, int]): patch grid (H, W) of the views.
        input_norm (bool): normalise the tokens before their positions are
            added. Defaults to False.
        **blocks: as for ``transformer_blocks``.
    """

    positions: Tensor

    def __init__(
        self,
        embed_dims: int,
        grid: tuple[int, int],
        input_norm: bool = False,
        **blocks: Any,
    ) -> None:
        super().__init__()
        self.grid = grid
        self.input_norm = input_norm
        self.mask_token = nn.Parameter(torch.zeros(1, 1, embed_dims))
        self.relative_position = nn.Linear(2 * embed_dims, embed_dims)
        self.blocks = transformer_blocks(
            embed_dims,
            num_outputs=grid[0] * grid[1],  # only the queries are read
            **blocks,
        )
        self.head = nn.Linear(embed_dims, embed_dims)
        # (1, L, D), the same formula as the backbone's at this width
        self.register_buffer(
            'positions', grid_sincos(grid, embed_dims), persistent=False
        )

    def forward(
        self, tokens: Tensor, visible: Tensor, geometry: RelativeGeometry
    ) -> Tensor:
        """Predict every patch of view 2.

        Args:
            tokens (Tensor): (B, 1 + V, D) projected tokens of view 1.
            visible (Tensor): (B, V) indices of view 1's visible patches.
            geometry (RelativeGeometry): where view 2 lies.

        Returns:
            Tensor: (B, L, D) predicted features of view 2.
        """
        if self.input_norm:
            tokens = layer_norm_fp32(tokens)
        cls_token, patches = tokens[:, :1], tokens[:, 1:]
        patches = patches + self.positions[0][visible]  # (B, V, D)
        queries = self.mask_token + self._relative_positions(geometry)
        x = torch.cat([cls_token, patches, queries], dim=1)
        x = self.blocks(x)  # (B, 1 + V + L, D) -> (B, L, D)
        return self.head(x[:, -queries.shape[1] :])

    def _relative_positions(self, geometry: RelativeGeometry) -> Tensor:
        """Linear(2D -> D) of the relative encodings: (B, L, D), fp32.

        The encoding is a concatenation of a row, a column and a scale part,
        so the Linear is applied to the parts and broadcast: H + W + 1
        products per image instead of H * W, and no (B, L, 2D) tensor.
        """
        dims = self.mask_token.shape[-1]
        rows, columns, scale = relative_sincos(geometry, self.grid, dims)
        with torch.autocast(rows.device.type, enabled=False):
            y_weight, x_weight, scale_weight = (
                self.relative_position.weight.split(
                    [dims // 2, dims // 2, dims], dim=1
                )
            )
            rows = F.linear(rows, y_weight)  # (B, H, D)
            columns = F.linear(columns, x_weight)  # (B, W, D)
            bias = self.relative_position.bias
            scale = F.linear(scale, scale_weight, bias)  # (B, D)
            columns = columns + scale[:, None]
            return (rows[:, :, None] + columns[:, None]).flatten(1, 2)


@MODELS.register_module()
class SiameseIMNeck(BaseModule):
    """Projector (online and target) and predictor (online only).

    Args:
        in_channels (int): backbone width C. Defaults to 768.
        embed_dims (int): decoder width D. Defaults to 768.
        num_heads (int): heads in projector and predictor. Defaults to 16.
        projector_depth (int): blocks of the projector. Defaults to 2.
        predictor_depth (int): blocks of the predictor. Defaults to 4.
        grid (int | tuple[int, int]): patch grid (H, W). Defaults to 14.
        mlp_ratio (float): hidden width of the MLPs over D. Defaults to 4.
        projector_norm (str | dict): 'BN', 'LN' or a norm config.
            Defaults to 'BN'.
        predictor_norm (str | dict): likewise. Defaults to 'BN'.
        input_norm (bool): LayerNorm without affine between projector and
            predictor, as the target has one: the projected tokens may grow
            until the positions added to them no longer count. Not in the
            paper, for short runs (docs/comparison.md). Defaults to False.
        with_cp (bool): recompute each block in the backward pass instead of
            storing its activations. Defaults to False.
        init_cfg (dict, optional): mmengine initialisation config.
    """

    def __init__(
        self,
        in_channels: int = 768,
        embed_dims: int = 768,
        num_heads: int = 16,
        projector_depth: int = 2,
        predictor_depth: int = 4,
        grid: int | tuple[int, int] = 14,
        mlp_ratio: float = 4,
        projector_norm: str | dict = 'BN',
        predictor_norm: str | dict = 'BN',
        input_norm: bool = False,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if embed_dims % num_heads or embed_dims % 4:
            raise ValueError(
                f'embed_dims={embed_dims} must be divisible by 4 and by '
                f'num_heads={num_heads}'
            )
        both = dict(num_heads=num_heads, mlp_ratio=mlp_ratio)
        self.projector = Projector(
            in_channels,
            embed_dims,
            depth=projector_depth,
            norm=projector_norm,
            **both,
        )
        self.predictor = Predictor(
            embed_dims,
            to_2tuple(grid),
            input_norm,
            depth=predictor_depth,
            norm=predictor_norm,
            **both,
        )
        for part in (self.projector, self.predictor):
            part.blocks.with_cp = with_cp

    def init_weights(self) -> None:
        """Xavier-uniform Linears, mask token N(0, 0.02)."""
        super().init_weights()
        XavierInit(layer='Linear', distribution='uniform')(self)
        nn.init.normal_(self.predictor.mask_token, std=0.02)
        if self.init_cfg:
            initialize(self, self.init_cfg)  # what a user chose wins
