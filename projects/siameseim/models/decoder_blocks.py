"""Blocks of projector and predictor.

Shape legend: B batch, N tokens, D decoder width.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from mmpretrain.models.backbones.vision_transformer import (
    TransformerEncoderLayer,
)
from torch import Tensor, nn

from .fast_blocks import use_fast_blocks
from .norm import norm_cfg
from .recompute import run_block


class DecoderBlocks(nn.Sequential):
    """Blocks in a row, recomputed in the backward pass if ``with_cp``."""

    with_cp = False

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) -> (B, N, D), or the last tokens only."""
        for block in self:
            x = run_block(block, x, self.with_cp)
        return x


class LastTokensBlock(TransformerEncoderLayer):
    """A stock block that returns the last tokens only.

    Its MLP leaves the others out; attention and BatchNorm need all of them.

    Args:
        num_outputs (int): tokens that it returns.
        **kwargs: as for ``TransformerEncoderLayer``.
    """

    def __init__(self, num_outputs: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.num_outputs = num_outputs

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, D) -> (B, num_outputs, D)."""
        x = x + self.attn(self.ln1(x))
        last = self.ln2(x)[:, -self.num_outputs :]
        return self.ffn(last, identity=x[:, -self.num_outputs :])


def transformer_blocks(
    embed_dims: int,
    num_heads: int,
    depth: int,
    mlp_ratio: float,
    norm: str | dict,
    num_outputs: int | None = None,
) -> DecoderBlocks:
    """Pre-norm blocks whose two norms are BatchNorm over tokens or LN.

    Args:
        embed_dims (int): decoder width D.
        num_heads (int): heads of each block.
        depth (int): number of blocks.
        mlp_ratio (float): hidden width of the MLPs over D.
        norm (str | dict): 'BN', 'LN' or a norm config.
        num_outputs (int, optional): how many of the last tokens the last
            block returns. Defaults to None: all.
    """
    kinds: list[Callable[..., nn.Module]] = [TransformerEncoderLayer] * depth
    if num_outputs is not None and depth:
        kinds[-1] = partial(LastTokensBlock, num_outputs)
    blocks = DecoderBlocks(
        *(
            kind(
                embed_dims=embed_dims,
                num_heads=num_heads,
                feedforward_channels=int(embed_dims * mlp_ratio),
                norm_cfg=norm_cfg(norm),
            )
            for kind in kinds
        )
    )
    use_fast_blocks(blocks)
    return blocks
