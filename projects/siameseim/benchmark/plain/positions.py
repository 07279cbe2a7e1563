"""Sin-cos positions, patch by patch, as one concatenated tensor."""

import torch
from torch import Tensor


def encode(values: Tensor, dims: int) -> Tensor:
    """``[sin(v w), cos(v w)]`` of real numbers: (...) -> (..., dims)."""
    powers = torch.arange(dims // 2, device=values.device) / (dims // 2)
    angles = values[..., None] / 10000.0**powers
    return torch.cat([torch.sin(angles), torch.cos(angles)], dim=-1)


def absolute(grid: tuple[int, int], width: int) -> Tensor:
    """Positions of all patches, row by row: (1, L, width)."""
    y, x = torch.meshgrid(
        torch.arange(grid[0]).float(),
        torch.arange(grid[1]).float(),
        indexing='ij',
    )
    both = [encode(y.flatten(), width // 2), encode(x.flatten(), width // 2)]
    return torch.cat(both, dim=-1)[None]


def relative(
    boxes: Tensor,
    flips: Tensor,
    source_width: Tensor,
    grid: tuple[int, int],
    width: int,
) -> Tensor:
    """Where each patch of view 2 lies, in patches of view 1.

    Args:
        boxes (Tensor): (B, 2, 4) crops (y, x, h, w) in pixels.
        flips (Tensor): (B, 2) bool.
        source_width (Tensor): (B,) pixels.
        grid (tuple[int, int]): patches per column and row.
        width (int): decoder width D.

    Returns:
        Tensor: (B, L, 2 D).
    """
    rows, columns = grid
    top1, left1, height1, width1 = boxes[:, 0].T[..., None, None]
    top2, left2, height2, width2 = boxes[:, 1].T[..., None, None]
    r, c = torch.meshgrid(
        torch.arange(rows, device=boxes.device) + 0.5,
        torch.arange(columns, device=boxes.device) + 0.5,
        indexing='ij',
    )
    y = height2 / height1 * r + rows * (top2 - top1) / height1 - 0.5
    same = width2 / width1 * c + columns * (left2 - left1) / width1 - 0.5
    shift = (source_width[:, None, None] - left1 - left2) / width1
    mirrored = -width2 / width1 * c + columns * shift - 0.5
    one_flip = (flips[:, 0] != flips[:, 1])[:, None, None]
    x = torch.where(one_flip, mirrored, same)  # (B, H, W)
    scale_y = (10 * torch.log(height2 / height1)).expand_as(y)
    scale_x = (10 * torch.log(width2 / width1)).expand_as(x)
    parts = [encode(v.flatten(1), width // 2) for v in (y, x)]
    parts += [encode(v.flatten(1), width // 2) for v in (scale_y, scale_x)]
    return torch.cat(parts, dim=-1)
