"""Window or global attention with decomposed relative positions.

Shape legend: B images or windows, H x W grid, L = H * W tokens, C width,
N heads, D = C / N.
"""

from typing import Any

import torch
import torch.nn.functional as F
from mmpretrain.models.backbones.vit_sam import (
    get_rel_pos,
    window_partition,
    window_unpartition,
)
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor, nn


class RelativeAttention(MultiheadAttention):
    """Attention of ViTDet (https://arxiv.org/abs/2203.16527).

    To the logit of a query and a key the products of the unscaled query with
    a vector for their row distance and one for their column distance are
    added (MViTv2, https://arxiv.org/abs/2112.01526).

    Memory: as a dense bias these terms would be N * L * L numbers, at 1024
    pixels (L = 4096, ViT-B, bf16) 403 MB for each image and global block,
    and as much again for its gradient. But they depend on the key's row or
    column only. So query i carries the H + W terms as extra channels and key
    j a one in the channels of its row and column; the dot product adds them
    up. That is 3 * N * L * (D + H + W) numbers, 57 MB in the same case
    instead of 19 MB + 403 MB, and every fused kernel of PyTorch can be used,
    since none needs to know of a bias.

    Args:
        embed_dims (int): width C.
        num_heads (int): N.
        grid (tuple[int, int]): (H, W) the tables of a global block are made
            for; other grids interpolate them linearly.
        window (int, optional): side of the windows in patches. Defaults to
            None: attention over the whole map.
        **kwargs: as for ``MultiheadAttention``.
    """

    def __init__(
        self,
        embed_dims: int,
        num_heads: int,
        grid: tuple[int, int],
        window: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(embed_dims, num_heads, **kwargs)
        self.window = window
        height, width = (window, window) if window else grid
        for name, size in (('rel_pos_h', height), ('rel_pos_w', width)):
            table = torch.zeros(2 * size - 1, self.head_dims)
            self.register_parameter(name, nn.Parameter(table))

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, C) -> (B, H, W, C)."""
        height, width = x.shape[1:3]
        # Without bias, so that windows can be padded with zeros here and the
        # padding still becomes what ViTDet's padded tokens are: the bias.
        qkv = F.linear(x, self.qkv.weight)
        if self.window:
            qkv, padded = window_partition(qkv, self.window)
        if self.qkv.bias is not None:
            qkv = qkv + self.qkv.bias.to(qkv.dtype)
        x = self._attend(qkv)
        if self.window:
            x = window_unpartition(x, self.window, padded, (height, width))
        return self.out_drop(self.gamma1(self.proj_drop(self.proj(x))))

    def _attend(self, qkv: Tensor) -> Tensor:
        """(B, H, W, 3C) -> (B, H, W, C)."""
        batch, height, width, _ = qkv.shape
        qkv = qkv.view(batch, height * width, 3, self.num_heads, -1)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # each (B, N, L, D)
        terms = self._relative_terms(q, (height, width))
        places = _one_hot_places((height, width), k)
        q = torch.cat([q * self.head_dims**-0.5, terms], dim=-1)
        k = torch.cat([k, places.expand(*k.shape[:2], -1, -1)], dim=-1)
        q, k, v = _to_common_width(q, k, v)
        x = F.scaled_dot_product_attention(
            q, k, v, dropout_p=self.attn_drop * self.training, scale=1.0
        )
        x = x[..., : self.head_dims].transpose(1, 2)  # (B, L, N, D)
        return x.reshape(batch, height, width, self.embed_dims)

    def _relative_terms(self, q: Tensor, grid: tuple[int, int]) -> Tensor:
        """Logit terms of all rows and columns: (B, N, L, H + W)."""
        q = q.unflatten(2, grid)  # (B, N, L, D) -> (B, N, H, W, D)
        with torch.device(q.device):  # where the stock function numbers them
            rows = get_rel_pos(grid[0], grid[0], self.rel_pos_h).to(q.dtype)
            columns = get_rel_pos(grid[1], grid[1], self.rel_pos_w).to(q.dtype)
        terms = torch.cat(
            [
                torch.einsum('bnhwd,hkd->bnhwk', q, rows),
                torch.einsum('bnhwd,wkd->bnhwk', q, columns),
            ],
            dim=-1,
        )
        return terms.flatten(2, 3)  # (B, N, H, W, H + W) -> (B, N, L, H + W)


def _one_hot_places(grid: tuple[int, int], like: Tensor) -> Tensor:
    """(L, H + W): a one in the channel of each token's row and column."""
    height, width = grid
    rows = torch.eye(height, dtype=like.dtype, device=like.device)
    columns = torch.eye(width, dtype=like.dtype, device=like.device)
    return torch.cat(
        [rows.repeat_interleave(width, dim=0), columns.repeat(height, 1)],
        dim=1,
    )


def _to_common_width(*tensors: Tensor) -> list[Tensor]:
    """Pad the last axis with zeros to one multiple of 8.

    Fused kernels want q, k and v equally wide and aligned.
    """
    width = max(tensor.shape[-1] for tensor in tensors)
    width += -width % 8
    return [F.pad(t, (0, width - t.shape[-1])) for t in tensors]
