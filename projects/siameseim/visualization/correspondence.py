"""Two crops of an image, their overlap, and where patches are found."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from ..evaluation.matching import Matches
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


def draw(
    source: np.ndarray,
    views: list[Tensor],
    samples: dict[str, Tensor],
    matched: Matches,
    predicted: Matches,
    index: int,
) -> Figure:
    """The crops on their image, matched patches, predicted patches.

    Args:
        source (np.ndarray): (H, W, 3) uint8, the whole image.
        views (list[Tensor]): view 1 and 2, (B, 3, S, S) uint8.
        samples (dict): with ``boxes`` and ``flips``.
        matched (Matches): by the features of view 1's patches.
        predicted (Matches): by the predictions for view 2's patches.
        index (int): which of the B pairs.
    """
    figure = new_figure(_WIDTH, 5.6)
    axes = figure.subplots(2, 2)
    show(axes[0, 0], source, 'both crops and their overlap')
    _draw_crops(axes[0, 0], source.shape[1], samples, index)
    view1, view2 = (pixels_of(view[index]) for view in views)
    rows, columns = matched.grid
    show(axes[0, 1], view1, 'view 1: patches asked for')
    asked = patch_centres(_chosen(matched, index), columns, len(view1) / rows)
    _numbers(axes[0, 1], asked, [_VIEW1] * len(asked))
    show(axes[1, 0], view2, 'view 2: matched by features')
    _numbers(
        axes[1, 0], *_lines(axes[1, 0], matched, index, len(view2) / rows)
    )
    show(axes[1, 1], view2, 'view 2: found by prediction')
    # Patches of view 2: to number them too would mix them up with view 1's.
    _rings(
        axes[1, 1], *_lines(axes[1, 1], predicted, index, len(view2) / rows)
    )
    return figure


def _chosen(matches: Matches, index: int) -> Tensor:
    """The patches of a pair that are drawn."""
    return evenly_spaced(matches.inside[index].nonzero()[:, 0], _SHOWN)


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


def _rings(axis: Axes, points: np.ndarray, colours: Sequence[str]) -> None:
    """An open circle at (x, y) pixels, each in its colour."""
    for point, colour in zip(points, colours, strict=True):
        axis.plot(*point, marker='o', markersize=9, markerfacecolor='none',
                  markeredgecolor=colour, markeredgewidth=1.8)  # fmt: skip


def _lines(
    axis: Axes, matches: Matches, index: int, patch: float
) -> tuple[np.ndarray, list[str]]:
    """Lines from true places to dots where they were found.

    Many may be found at one place, so marks belong at the true ones.

    Returns:
        tuple: (Q, 2) pixels (x, y) of the true places, and their colours.
    """
    chosen = _chosen(matches, index)
    true = (matches.places[index, chosen].flip(1).numpy() + 0.5) * patch
    found = matches.found[index, chosen]
    guess = patch_centres(found, matches.grid[1], patch)
    right = matches.correct()[index, chosen]
    colours = [RIGHT if correct else WRONG for correct in right]
    for start, end, colour in zip(true, guess, colours, strict=True):
        axis.plot(*zip(start, end, strict=True), color=colour, lw=1.3,
                  linestyle='-' if colour == RIGHT else '--')  # fmt: skip
        # in no colour: right and wrong ones may end at the same place
        axis.plot(*end, marker='o', markersize=5, color='white',
                  markeredgecolor='black')  # fmt: skip
    return true, colours
