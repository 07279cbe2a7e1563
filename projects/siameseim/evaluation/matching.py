"""Which patches of view 2 are found for patches whose place in it is known.

Shape legend: B image pairs, L = H * W patches of a view, C width. Places are
(row, column) in patches of view 2's grid: patch (r, c) lies at (r, c).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.position import patch_coordinates, relative_geometry
from ..models.vit import SiameseIMViT
from .features import patch_features

_RADIUS = 1  # patches along each axis from its place, for a find to be right


@dataclass(frozen=True)
class MatchingScore:
    """Share of right finds, and what it costs to reach it blindly.

    NaN where no patch is asked for.
    """

    accuracy: float  # of what was found
    chance: float  # of a patch drawn at random
    position: float  # of the patch at the same place of the grid
    count: int  # patches asked for


@dataclass(frozen=True)
class Matches:
    """The patches of view 2 that were found, and where they truly lie."""

    places: Tensor  # (B, L, 2) true places of the patches asked for
    inside: Tensor  # (B, L) bool: both views show it; others do not count
    found: Tensor  # (B, L) int64 indices of view 2's patches
    grid: tuple[int, int]  # patches per column and per row (H, W)

    def correct(self) -> Tensor:
        """(B, L) bool: what was found right, meaningful where ``inside``."""
        return _near(self.places - grid_places(self.grid)[self.found])

    def score(self) -> MatchingScore:
        """Shares over all patches that both views show."""
        inside = self.inside
        # (B, L, 1, 2) - (L, 2) -> (B, L, L): every patch for every place
        near = _near(self.places[:, :, None] - grid_places(self.grid))
        same_place = near.diagonal(dim1=1, dim2=2)  # (B, L)
        return MatchingScore(
            accuracy=self.correct()[inside].float().mean().item(),
            chance=near.float().mean(dim=-1)[inside].mean().item(),
            position=same_place[inside].float().mean().item(),
            count=int(inside.sum()),
        )


def _near(offsets: Tensor) -> Tensor:
    """Whether (..., 2) offsets in patches are those of a right find."""
    return (offsets.abs() <= _RADIUS).all(dim=-1)


def match_views(
    backbone: SiameseIMViT,
    views: list[Tensor],
    samples: Mapping[str, Tensor],
) -> Matches:
    """For each patch of view 1 the one of view 2 with the nearest feature.

    Args:
        backbone (SiameseIMViT): on any device.
        views (list[Tensor]): view 1 and 2, (B, 3, height, width) normalised.
        samples (Mapping[str, Tensor]): as for ``true_places``.
    """
    grid = backbone.patch_resolution
    first, second = (patch_features(backbone, view) for view in views)
    places, inside = true_places(samples, grid)
    return Matches(places, inside, nearest_patches(first, second), grid)


def match_predictions(
    prediction: Tensor,
    target: Tensor,
    samples: Mapping[str, Tensor],
    grid: tuple[int, int],
) -> Matches:
    """For each patch of view 2 the one nearest to what is predicted for it.

    Args:
        prediction (Tensor): (B, L, D) on the CPU.
        target (Tensor): (B, L, D) likewise.
        samples (Mapping[str, Tensor]): as for ``true_places``.
        grid (tuple[int, int]): patches per column and per row (H, W).
    """
    _, inside = true_places(samples, grid, view=2)
    own = grid_places(grid).expand(len(target), -1, -1)
    return Matches(own, inside, nearest_patches(prediction, target), grid)


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
