"""How often a patch of one view finds its true match in the other.

Shape legend: B image pairs, L = H * W patches of a view, C width. Places are
(row, column) in patches of view 2's grid: patch (r, c) lies at (r, c).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.position import patch_coordinates, relative_geometry


@dataclass(frozen=True)
class MatchingScore:
    """Share of correct matches, and what it costs to reach it blindly."""

    accuracy: float  # by nearest feature
    chance: float  # by a patch drawn at random
    position: float  # by the patch at the same place of the grid
    count: int  # patches of view 1 whose centre lies inside view 2


def true_places(
    samples: Mapping[str, Tensor], grid: tuple[int, int], view: int = 1
) -> tuple[Tensor, Tensor]:
    """Where the patches of one view lie on the other's grid.

    Args:
        samples (Mapping[str, Tensor]): ``boxes``, ``flips`` and
            ``source_width`` as for ``relative_geometry``, on the CPU.
        grid (tuple[int, int]): patches per column and per row (H, W).
        view (int): whose patches, 1 or 2. Defaults to 1.

    Returns:
        tuple[Tensor, Tensor]: places (B, L, 2) of the patch centres, row by
        row over the view, and (B, L) bool, True where a centre lies inside
        the other one.
    """
    boxes, flips = samples['boxes'], samples['flips']
    if view == 1:  # those of the second view are what the geometry places
        boxes, flips = boxes.flip(1), flips.flip(1)
    geometry = relative_geometry(boxes, flips, samples['source_width'])
    y_BH, x_BW = patch_coordinates(geometry, grid)
    places = torch.stack(
        torch.broadcast_tensors(y_BH[:, :, None], x_BW[:, None]), dim=-1
    ).flatten(1, 2)  # (B, H, W, 2) -> (B, L, 2)
    edge = torch.tensor(grid) - 0.5
    inside = ((places > -0.5) & (places < edge)).all(dim=-1)
    return places, inside


def grid_places(grid: tuple[int, int]) -> Tensor:
    """Places (L, 2) of a view's own patches, row by row."""
    return torch.cartesian_prod(*map(torch.arange, grid)).float()


def nearest_patches(features1: Tensor, features2: Tensor) -> Tensor:
    """Index of the patch of view 2 with the most similar feature.

    Args:
        features1 (Tensor): (B, L, C) of view 1, any norm.
        features2 (Tensor): (B, L, C) of view 2.

    Returns:
        Tensor: (B, L) int64 indices into view 2's patches, by cosine.
    """
    first = F.normalize(features1.float(), dim=-1)
    second = F.normalize(features2.float(), dim=-1)
    return (first @ second.transpose(1, 2)).argmax(dim=-1)


def within_radius(
    places: Tensor, grid: tuple[int, int], radius: float = 1.0
) -> Tensor:
    """Which patches of view 2 count as the true match of each of view 1.

    Args:
        places (Tensor): (B, L, 2) from ``true_places``, on the CPU.
        grid (tuple[int, int]): patches per column and per row (H, W).
        radius (float): patches along each axis. Defaults to 1.

    Returns:
        Tensor: (B, L, L) bool, [b, i, j] True where patch j of view 2 is a
        true match of patch i of view 1.
    """
    offsets = places[:, :, None] - grid_places(grid)
    return (offsets.abs() <= radius).all(dim=-1)


def are_true(true: Tensor, matches: Tensor) -> Tensor:
    """Which matches are true ones.

    Args:
        true (Tensor): (B, L, L) bool from ``within_radius``.
        matches (Tensor): (B, L) int64 indices of view 2's patches.

    Returns:
        Tensor: (B, L) bool.
    """
    return true.gather(2, matches[..., None])[..., 0]


def matching_score(
    true: Tensor, matches: Tensor, inside: Tensor
) -> MatchingScore:
    """Dense matching accuracy over all patches of view 1 inside view 2.

    Args:
        true (Tensor): (B, L, L) bool from ``within_radius``.
        matches (Tensor): (B, L) from ``nearest_patches``.
        inside (Tensor): (B, L) bool from ``true_places``.

    Raises:
        ValueError: if no patch of any view 1 lies inside its view 2.
    """
    count = int(inside.sum())
    if count == 0:
        raise ValueError(
            f'none of the {len(true)} image pairs overlap: nothing to match'
        )
    same_place = true.diagonal(dim1=1, dim2=2)  # (B, L)
    return MatchingScore(
        accuracy=are_true(true, matches)[inside].float().mean().item(),
        chance=true.float().mean(dim=-1)[inside].mean().item(),
        position=same_place[inside].float().mean().item(),
        count=count,
    )
