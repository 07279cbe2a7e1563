"""Sin-cos positions of patches, absolute and relative (method section 3).

Shape legend: B batch, H x W patch grid, L = H * W patches, D width,
F = D / 4 frequencies of one coordinate.
"""

from typing import NamedTuple

import torch
from torch import Tensor


class RelativeGeometry(NamedTuple):
    """Where view 2 lies as seen from view 1; every field has shape (B,).

    Lengths are fractions of view 1's crop: ``delta_i = (i2 - i1) / h1``,
    ``scale_h = h2 / h1``. ``flip`` is True where exactly one of the views was
    mirrored; ``flip_delta_j = (W - j1 - j2) / w1`` replaces ``delta_j`` there.
    """

    delta_i: Tensor
    delta_j: Tensor
    scale_h: Tensor
    scale_w: Tensor
    flip: Tensor
    flip_delta_j: Tensor


def relative_geometry(
    boxes: Tensor, flips: Tensor, source_width: Tensor
) -> RelativeGeometry:
    """Express the crop of view 2 in units of the crop of view 1.

    Args:
        boxes (Tensor): (B, 2, 4) crop boxes (y, x, h, w) of view 1 and 2 in
            pixels of the source as each view saw it, that is after its flip.
        flips (Tensor): (B, 2) bool, True where a view was mirrored.
        source_width (Tensor): (B,) width of the source in pixels.
    """
    first, second = boxes.float().unbind(dim=1)  # (B, 2, 4) -> 2 x (B, 4)
    i1, j1, h1, w1 = first.unbind(dim=1)
    i2, j2, h2, w2 = second.unbind(dim=1)
    return RelativeGeometry(
        delta_i=(i2 - i1) / h1,
        delta_j=(j2 - j1) / w1,
        scale_h=h2 / h1,
        scale_w=w2 / w1,
        flip=flips[:, 0] ^ flips[:, 1],
        flip_delta_j=(source_width - j1 - j2) / w1,
    )


def patch_coordinates(
    geometry: RelativeGeometry, grid: tuple[int, int]
) -> tuple[Tensor, Tensor]:
    """Rows and columns of view 2's patches on view 1's patch grid.

    Args:
        geometry (RelativeGeometry): fields of shape (B,).
        grid (tuple[int, int]): patches per column and per row (H, W).

    Returns:
        tuple[Tensor, Tensor]: y (B, H) and x (B, W) in patches of view 1;
        patch (r, c) of view 1 itself lies at (r, c).
    """
    height, width = grid
    device = geometry.delta_i.device
    rows = torch.arange(height, device=device) + 0.5
    columns = torch.arange(width, device=device) + 0.5
    y_BH = geometry.scale_h[:, None] * rows
    y_BH = y_BH + height * geometry.delta_i[:, None] - 0.5
    sign = torch.where(geometry.flip, -1.0, 1.0)
    shift = torch.where(geometry.flip, geometry.flip_delta_j, geometry.delta_j)
    x_BW = (sign * geometry.scale_w)[:, None] * columns
    x_BW = x_BW + width * shift[:, None] - 0.5
    return y_BH, x_BW


def sincos(coordinates: Tensor, dims: int) -> Tensor:
    """Encode real-valued coordinates as ``[sin(x w), cos(x w)]``.

    Args:
        coordinates (Tensor): any shape (...), any real unit.
        dims (int): even number of output channels; the ``dims / 2``
            frequencies are ``10000 ** (-k / (dims / 2))``.

    Returns:
        Tensor: (..., dims) float32.
    """
    half = dims // 2
    steps = torch.arange(half, device=coordinates.device) / half
    frequencies = 10000.0**-steps
    angles = coordinates.float()[..., None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], dim=-1)


def grid_sincos(
    grid: tuple[int, int], dims: int, num_extra_tokens: int = 0
) -> Tensor:
    """Fixed absolute positions: rows in the first half, columns in the rest.

    Args:
        grid (tuple[int, int]): patches per column and per row (H, W).
        dims (int): width D, a multiple of 4.
        num_extra_tokens (int): zero rows in front (the cls token's position
            is zero).

    Returns:
        Tensor: (1, num_extra_tokens + H * W, D) float32.

    Raises:
        ValueError: if ``dims`` is not a multiple of 4.
    """
    if dims % 4:
        raise ValueError(
            f'2-D sin-cos positions need a width divisible by 4, got {dims}'
        )
    height, width = grid
    y = sincos(torch.arange(height), dims // 2)  # (H, D / 2)
    x = sincos(torch.arange(width), dims // 2)  # (W, D / 2)
    patches = torch.cat(
        [
            y[:, None].expand(height, width, -1),
            x[None].expand(height, width, -1),
        ],
        dim=-1,
    )  # (H, W, D)
    extra = patches.new_zeros(num_extra_tokens, dims)
    return torch.cat([extra, patches.flatten(0, 1)])[None]


def relative_sincos(
    geometry: RelativeGeometry, grid: tuple[int, int], dims: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Encode where each patch of view 2 lies, in view-1 patches.

    The full encoding of patch (r, c) is the concatenation
    ``[rows[:, r], columns[:, c], scale]`` of 2 D numbers. It is kept in parts
    because the same numbers repeat along rows and columns.

    Args:
        geometry (RelativeGeometry): fields of shape (B,).
        grid (tuple[int, int]): patches per column and per row (H, W).
        dims (int): decoder width D, a multiple of 4.

    Returns:
        tuple[Tensor, Tensor, Tensor]: rows (B, H, D / 2), columns
        (B, W, D / 2) and scale (B, D).
    """
    y_BH, x_BW = patch_coordinates(geometry, grid)
    scale_y = sincos(10 * geometry.scale_h.log(), dims // 2)
    scale_x = sincos(10 * geometry.scale_w.log(), dims // 2)
    scale = torch.cat([scale_y, scale_x], dim=-1)
    return sincos(y_BH, dims // 2), sincos(x_BW, dims // 2), scale
