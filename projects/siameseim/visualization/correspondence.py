"""Two crops of an image, their overlap, and where patches are found.

Shape legend: B images, L patches of a view, D decoder width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ..evaluation.features import patch_features
from ..evaluation.matching import (
    are_true,
    grid_places,
    nearest_patches,
    true_places,
    within_radius,
)
from ..evaluation.predicted import predict_view2
from ..models import SiameseIM
from ..models.norm import layer_norm_fp32
from .figures import (
    RIGHT,
    WRONG,
    evenly_spaced,
    legible,
    new_figure,
    patch_centres,
    pixels_of,
    show,
)

_VIEW1, _VIEW2 = '#0072b2', '#d55e00'  # told apart by colour-blind readers
_SHOWN = 12  # patches drawn
_WIDTH = 5.4  # inches
_TEXT = legible(_WIDTH)


@dataclass(frozen=True)
class Correspondence:
    """What was found in view 2, for patches whose place is known.

    Attributes:
        places (Tensor): (B, L, 2) true place of view 1's patches in view 2,
            (row, column) in patches.
        inside (Tensor): (B, L) bool, where that lies inside view 2.
        matched (Tensor): (B, L) view 2's patch with the most similar
            backbone feature.
        shared (Tensor): (B, L) bool, view 2's patches that view 1 shows.
        predicted (Tensor): (B, L) view 2's patch whose target feature is the
            most similar to the prediction for each of its patches.
    """

    places: Tensor
    inside: Tensor
    matched: Tensor
    shared: Tensor
    predicted: Tensor


@torch.no_grad()
def find(
    model: SiameseIM, views: list[Tensor], samples: dict[str, Tensor]
) -> Correspondence:
    """Match and predict the patches of pairs of views.

    Args:
        model (SiameseIM): in eval mode.
        views (list[Tensor]): view 1 and 2, (B, 3, S, S) normalised.
        samples (dict): ``boxes``, ``flips``, ``source_width``, ``visible``,
            on the CPU.

    Returns:
        Correspondence: tensors on the CPU.
    """
    grid = model.backbone.patch_resolution
    places, inside = true_places(samples, grid)
    _, shared = true_places(samples, grid, view=2)
    first, second = (patch_features(model.backbone, view) for view in views)
    prediction = predict_view2(model, views[0], samples, samples['visible'])
    target = layer_norm_fp32(model.target(views[1])).cpu()
    return Correspondence(
        places=places,
        inside=inside,
        matched=nearest_patches(first, second),
        shared=shared,
        predicted=nearest_patches(prediction, target),
    )


def draw(
    source: np.ndarray,
    views: list[Tensor],
    samples: dict[str, Tensor],
    found: Correspondence,
    index: int,
    grid: tuple[int, int],
) -> Figure:
    """The crops on their image, matched patches, predicted patches.

    Args:
        source (np.ndarray): (H, W, 3) uint8, the whole image.
        views (list[Tensor]): view 1 and 2, (B, 3, S, S) uint8.
        samples (dict): with ``boxes`` and ``flips``.
        found (Correspondence): of these views.
        index (int): which of the B pairs.
        grid (tuple[int, int]): patches per column and per row.
    """
    figure = new_figure(_WIDTH, 5.6)
    axes = figure.subplots(2, 2)
    show(axes[0, 0], source, 'both crops and their overlap')
    _draw_crops(axes[0, 0], source.shape[1], samples, index)
    pair = [pixels_of(view[index]) for view in views]
    patch = pair[0].shape[0] / grid[0]
    inside = found.inside[index].nonzero()[:, 0]
    chosen = evenly_spaced(inside, _SHOWN)
    show(axes[0, 1], pair[0], 'view 1: patches asked for')
    _numbers(axes[0, 1], patch_centres(chosen, grid[1], patch),
             [_VIEW1] * len(chosen))  # fmt: skip
    show(axes[1, 0], pair[1], 'view 2: matched by features')
    true = (found.places[index, chosen].flip(1).numpy() + 0.5) * patch
    near = within_radius(found.places[index : index + 1], grid)[0]
    guesses = found.matched[index, chosen]
    _arrows(axes[1, 0], true, patch_centres(guesses, grid[1], patch),
            near[chosen, guesses])  # fmt: skip
    shared = evenly_spaced(found.shared[index].nonzero()[:, 0], _SHOWN)
    show(axes[1, 1], pair[1], 'view 2: found by prediction')
    near = within_radius(grid_places(grid)[None], grid)[0]
    guesses = found.predicted[index, shared]
    _arrows(axes[1, 1], patch_centres(shared, grid[1], patch),
            patch_centres(guesses, grid[1], patch),
            near[shared, guesses])  # fmt: skip
    return figure


def _draw_crops(
    axis: Axes, width: int, samples: dict[str, Tensor], index: int
) -> None:
    """Boxes of both views in pixels of the image as it is, not mirrored."""
    corners = []
    for view, colour in enumerate((_VIEW1, _VIEW2)):
        y, x, h, w = samples['boxes'][index, view].tolist()
        if samples['flips'][index, view]:
            x = width - x - w
        corners.append((x, y, x + w, y + h))
        axis.add_patch(
            Rectangle((x, y), w, h, fill=False, edgecolor=colour, lw=2.5)
        )
        axis.text(
            x, y, f' {view + 1} ', color='white', va='top', fontsize=_TEXT,
            bbox=dict(facecolor=colour, edgecolor='none', pad=1),
        )  # fmt: skip
    left, top = np.maximum(corners[0][:2], corners[1][:2])
    right, bottom = np.minimum(corners[0][2:], corners[1][2:])
    if right > left and bottom > top:
        axis.add_patch(
            Rectangle((left, top), right - left, bottom - top,
                      facecolor='white', edgecolor='none', alpha=0.4)
        )  # fmt: skip


def _numbers(axis: Axes, points: np.ndarray, colours: Sequence[str]) -> None:
    """1, 2, ... at (x, y) pixels, each in its colour."""
    for number, ((x, y), colour) in enumerate(
        zip(points, colours, strict=True), 1
    ):
        axis.text(
            x, y, str(number), color='white', fontsize=_TEXT, ha='center',
            va='center', bbox=dict(boxstyle='circle', facecolor=colour,
                                   edgecolor='white', pad=0.2),
        )  # fmt: skip


def _arrows(
    axis: Axes, true: np.ndarray, guess: np.ndarray, right: Tensor
) -> None:
    """A ring at the true place, a number where it was found."""
    colours = [RIGHT if correct else WRONG for correct in right]
    for start, end, colour in zip(true, guess, colours, strict=True):
        axis.plot(*zip(start, end, strict=True), color=colour, lw=1.3,
                  linestyle='-' if colour == RIGHT else '--')  # fmt: skip
        axis.plot(*start, marker='o', markersize=9, markerfacecolor='none',
                  markeredgecolor=colour, markeredgewidth=1.8)  # fmt: skip
    _numbers(axis, guess, colours)


def shares(found: Correspondence, grid: tuple[int, int]) -> dict[str, float]:
    """Shares of patches found within one patch of their true place.

    Args:
        found (Correspondence): from ``find``.
        grid (tuple[int, int]): patches per column and per row.

    Returns:
        dict[str, float]: 'matched' over view 1's patches inside view 2 and
        'predicted' over view 2's inside view 1, and what guesses would get,
        'matched_chance' and 'predicted_chance'; NaN where there are none.
    """
    true = within_radius(found.places, grid)
    matched = are_true(true, found.matched)
    own = grid_places(grid).expand(len(found.places), -1, -1)
    near = within_radius(own, grid)
    predicted = are_true(near, found.predicted)
    return dict(
        matched=matched[found.inside].float().mean().item(),
        predicted=predicted[found.shared].float().mean().item(),
        matched_chance=true[found.inside].float().mean().item(),
        predicted_chance=near[found.shared].float().mean().item(),
    )
