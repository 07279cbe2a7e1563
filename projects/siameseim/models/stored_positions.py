"""What kind of positions a checkpoint holds, and the same on other grids.

Sin-cos positions are a formula, so on another grid they are recomputed,
which is exact. Learned ones exist on their own grid only and have to be
interpolated.
"""

from collections.abc import Iterator
from math import isqrt
from typing import NamedTuple

import torch
from mmpretrain.models.utils import resize_pos_embed
from torch import Tensor

from ..log import tell
from .position import grid_sincos


class StoredPositions(NamedTuple):
    """Where position rows lie and what they are."""

    grid: tuple[int, int]  # patches (H, W) they belong to
    # what the first half of the width encodes: 'rows' (this method) or
    # 'columns' (the files of MAE); None for positions that are not sin-cos
    first_half: str | None = 'rows'


def recognise(
    positions: Tensor, own_grid: tuple[int, int]
) -> tuple[int, StoredPositions]:
    """Tell what the position rows of a checkpoint are.

    Args:
        positions (Tensor): (1, E + L, C) with E = 0 or 1 row for the cls
            token in front.
        own_grid (tuple[int, int]): grid (H, W) of the model, preferred where
            learned positions leave a choice.

    Returns:
        tuple[int, StoredPositions]: E, and grid and kind.

    Raises:
        ValueError: if learned positions fit neither a square nor the
            model's grid.
    """
    length = positions.shape[1]
    for extra in (1, 0):
        for grid in _grids(length - extra):
            half = _first_half(positions[:, extra:], grid)
            if half is not None:
                return extra, StoredPositions(grid, half)
    for extra in (1, 0):
        side = isqrt(max(length - extra, 0))
        for grid in (own_grid, (side, side)):
            if grid[0] * grid[1] == length - extra:
                return extra, StoredPositions(grid, None)
    raise ValueError(
        f'positions of shape {tuple(positions.shape)} are not sin-cos and '
        f'fit neither a square grid nor the grid {own_grid} of the model, '
        'with or without a cls token: build the model with the img_size and '
        'patch_size the checkpoint was trained with'
    )


def take_over(
    positions: Tensor, own_grid: tuple[int, int], num_extra_tokens: int
) -> tuple[Tensor, StoredPositions]:
    """Bring the position rows of a checkpoint into a model.

    Sin-cos positions are recomputed for the grid of the model. Others stay
    on their own grid, to be interpolated to each input's in the forward
    pass, so that no interpolation is stacked on another.

    Args:
        positions (Tensor): (1, E + L, C) with or without a row for the cls
            token.
        own_grid (tuple[int, int]): grid (H, W) of the model.
        num_extra_tokens (int): rows of the model that belong to no patch.

    Returns:
        tuple[Tensor, StoredPositions]: the rows for the model, and what they
        are.
    """
    found, stored = recognise(positions, own_grid)
    if stored.first_half is not None:
        stored = stored._replace(grid=own_grid)
        dims = positions.shape[-1]
        return sincos_positions(stored, dims, num_extra_tokens), stored
    tell(
        'the positions of the checkpoint are not sin-cos: they stay on their '
        f'grid {stored.grid} and are interpolated for inputs of another '
        'grid'
    )
    return with_extra_rows(positions, found, num_extra_tokens), stored


def sincos_positions(
    stored: StoredPositions, dims: int, num_extra_tokens: int
) -> Tensor:
    """(1, E + H * W, dims) sin-cos positions of a kind on its grid."""
    positions = grid_sincos(stored.grid, dims, num_extra_tokens)
    if stored.first_half == 'columns':
        rows, columns = positions.chunk(2, dim=-1)
        positions = torch.cat([columns, rows], dim=-1)
    return positions


def on_grid(
    positions: Tensor,
    stored: StoredPositions,
    grid: tuple[int, int],
    num_extra_tokens: int,
    mode: str = 'bicubic',
) -> Tensor:
    """Positions on another grid: recomputed if sin-cos, else interpolated.

    Args:
        positions (Tensor): (1, E + L, C) on the grid of ``stored``.
        stored (StoredPositions): what they are.
        grid (tuple[int, int]): wanted grid (H, W).
        num_extra_tokens (int): E, rows in front that belong to no patch.
        mode (str): of the interpolation. Defaults to 'bicubic'.

    Returns:
        Tensor: (1, E + H * W, C).
    """
    if grid == stored.grid:
        return positions
    if stored.first_half is None:
        return resize_pos_embed(
            positions, stored.grid, grid, mode, num_extra_tokens
        )
    with torch.device(positions.device):
        recomputed = sincos_positions(
            stored._replace(grid=grid), positions.shape[-1], num_extra_tokens
        )
    return recomputed.to(positions.dtype)


def with_extra_rows(positions: Tensor, extra: int, wanted: int) -> Tensor:
    """Drop the cls token's row, or put a zero row where one is missing."""
    if wanted <= extra:
        return positions[:, extra - wanted :]
    rows = positions.new_zeros(1, wanted - extra, positions.shape[-1])
    return torch.cat([rows, positions], dim=1)


def _grids(length: int) -> Iterator[tuple[int, int]]:
    """All grids (H, W) of that many patches, the squarest first."""
    for short in range(isqrt(max(length, 0)), 0, -1):
        if length % short == 0:
            yield short, length // short
            if short * short != length:
                yield length // short, short


def _first_half(patches: Tensor, grid: tuple[int, int]) -> str | None:
    """'rows' or 'columns' if the (1, L, C) patches are sin-cos, else None."""
    dims = patches.shape[-1]
    # rounding to half precision alone moves values by up to 2 ** -9
    tolerance = 1e-4 if patches.dtype == torch.float32 else 1e-2
    patches = patches.float().cpu()  # the model's may lie on a GPU
    origin = sincos_positions(StoredPositions((1, 1)), dims, 0)
    if not torch.allclose(patches[:, :1], origin, rtol=0, atol=tolerance):
        return None  # spares the tests below for learned positions
    for half in ('rows', 'columns'):
        expected = sincos_positions(StoredPositions(grid, half), dims, 0)
        if torch.allclose(patches, expected, rtol=0, atol=tolerance):
            return half
    return None
