"""The whole method in one plain module.

Shape legend: B batch, L all patches, V visible patches, C backbone width, D
decoder width.
"""

import copy
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .blocks import PlainBlock
from .positions import absolute, relative


class PlainSizes(NamedTuple):
    """What a ``PlainSiameseIM`` is built from; lengths in patches."""

    patch: tuple[int, int]  # pixels
    grid: tuple[int, int]
    width: int
    depth: int
    heads: int
    hidden: int
    decoder_width: int
    decoder_heads: int
    decoder_hidden: int
    projector_depth: int
    predictor_depth: int
    batch_norm: bool
    neg_weight: float


class PlainEncoder(nn.Module):
    """Patch embedding, ViT blocks, Linear, projector blocks."""

    positions: Tensor

    def __init__(self, sizes: PlainSizes) -> None:
        super().__init__()
        self.patch_embed = nn.Conv2d(3, sizes.width, sizes.patch, sizes.patch)
        self.patch_embed.requires_grad_(False)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, sizes.width))
        self.register_buffer('positions', absolute(sizes.grid, sizes.width))
        self.blocks = nn.Sequential(
            *(
                PlainBlock(sizes.width, sizes.heads, sizes.hidden, False)
                for _ in range(sizes.depth)
            )
        )
        self.embed = nn.Linear(sizes.width, sizes.decoder_width)
        self.projector = decoder_blocks(sizes, sizes.projector_depth)

    def forward(self, images: Tensor, mask: Tensor | None = None) -> Tensor:
        """Tokens of the unmasked patches, cls first.

        Args:
            images (Tensor): (B, 3, height, width).
            mask (Tensor, optional): (B, L) bool, True = left out.

        Returns:
            Tensor: (B, 1 + V, D).
        """
        x = self.patch_embed(images).flatten(2).transpose(1, 2)  # (B, L, C)
        x = x + self.positions
        if mask is not None:
            x = x[~mask].reshape(len(x), -1, x.shape[-1])  # (B, V, C)
        cls_token = self.cls_token.expand(len(x), -1, -1)
        x = self.blocks(torch.cat([cls_token.to(x.dtype), x], dim=1))
        return self.projector(self.embed(x))


def decoder_blocks(sizes: PlainSizes, depth: int) -> nn.Sequential:
    """Blocks of the projector or predictor."""
    return nn.Sequential(
        *(
            PlainBlock(
                sizes.decoder_width,
                sizes.decoder_heads,
                sizes.decoder_hidden,
                sizes.batch_norm,
            )
            for _ in range(depth)
        )
    )


class PlainSiameseIM(nn.Module):
    """Online encoder, predictor and momentum encoder."""

    positions: Tensor

    def __init__(self, sizes: PlainSizes) -> None:
        super().__init__()
        self.sizes = sizes
        width = sizes.decoder_width
        self.online = PlainEncoder(sizes)
        self.mask_token = nn.Parameter(torch.zeros(1, 1, width))
        self.relative_position = nn.Linear(2 * width, width)
        self.register_buffer('positions', absolute(sizes.grid, width))
        self.predictor = decoder_blocks(sizes, sizes.predictor_depth)
        self.head = nn.Linear(width, width)
        self.target = copy.deepcopy(self.online).requires_grad_(False)

    @torch.no_grad()
    def update_target(self, momentum: float) -> None:
        """Average online weights into the target, tensor by tensor."""
        pairs = zip(
            self.target.parameters(), self.online.parameters(), strict=True
        )
        for old, new in pairs:
            old.data.mul_(momentum).add_(new.data, alpha=1 - momentum)

    def forward(
        self,
        views: list[Tensor],
        mask: Tensor,
        boxes: Tensor,
        flips: Tensor,
        source_width: Tensor,
    ) -> Tensor:
        """Loss of a batch, a scalar.

        Args:
            views (list[Tensor]): two of (B, 3, height, width), normalised.
            mask (Tensor): (B, L) bool, True = masked.
            boxes (Tensor): (B, 2, 4) crops (y, x, h, w) in pixels.
            flips (Tensor): (B, 2) bool.
            source_width (Tensor): (B,) pixels.
        """
        with torch.no_grad():
            target = self.target(views[1])[:, 1:]  # (B, L, D)
        tokens = self.online(views[0], mask)
        batch, _, width = tokens.shape
        visible = self.positions.expand(batch, -1, -1)[~mask]
        patches = tokens[:, 1:] + visible.reshape(batch, -1, width)
        where = relative(boxes, flips, source_width, self.sizes.grid, width)
        queries = self.mask_token + self.relative_position(where)
        x = torch.cat([tokens[:, :1], patches, queries], dim=1)
        x = self.head(self.predictor(x))
        return self._loss(x[:, -queries.shape[1] :], target)

    def _loss(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Both terms from all N x N pairs, in fp32."""
        with torch.autocast(prediction.device.type, enabled=False):
            target = F.layer_norm(target.float(), target.shape[-1:])
            p, t = prediction.float().flatten(0, 1), target.flatten(0, 1)
            positive = (p - t).square().sum(dim=-1).mean()
            negative = (p @ t.T).square().mean()  # (N, N)
            weighted = self.sizes.neg_weight * negative
            return (positive + weighted) / p.shape[-1]
