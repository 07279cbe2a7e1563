"""Transformer blocks with every step written out.

Shape legend: B batch, N tokens, C width, h heads.
"""

import torch
from torch import Tensor, nn


class PlainAttention(nn.Module):
    """Multi-head self-attention through an explicit softmax matrix."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C)."""
        batch, tokens, width = x.shape
        size = width // self.heads
        qkv = self.qkv(x).reshape(batch, tokens, 3, self.heads, size)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # 3 x (B, h, N, C/h)
        scores = query @ key.transpose(-2, -1) * size**-0.5  # (B, h, N, N)
        mixed = scores.softmax(dim=-1) @ value  # (B, h, N, C/h)
        return self.proj(mixed.transpose(1, 2).reshape(batch, tokens, width))


class RowsBatchNorm(nn.Module):
    """BatchNorm over all (image, token) rows, in fp32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.bn = nn.BatchNorm1d(width)

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C) float32."""
        with torch.autocast(x.device.type, enabled=False):
            rows = x.float().reshape(-1, x.shape[-1])
            return self.bn(rows).reshape(x.shape)


class PlainBlock(nn.Module):
    """Pre-norm transformer block, with LayerNorm or BatchNorm over rows."""

    def __init__(
        self, width: int, heads: int, hidden: int, batch_norm: bool
    ) -> None:
        super().__init__()
        self.norm1, self.norm2 = (
            RowsBatchNorm(width)
            if batch_norm
            else nn.LayerNorm(width, eps=1e-6)
            for _ in range(2)
        )
        self.attn = PlainAttention(width, heads)
        self.mlp = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C)."""
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))
