"""Two views side by side, with lines between patches and their matches."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor

# Green and red that colour-blind readers tell apart; wrong ones are dashed.
_CORRECT, _WRONG = '#1a9850', '#e6550d'
_GAP = 0.15  # between the views, as a share of their width
_DPI = 100


@dataclass(frozen=True)
class MatchPanel:
    """One pair of views and the matches to draw.

    Attributes:
        title (str): text above the pair.
        views (tuple[Tensor, Tensor]): view 1 and view 2, (3, S, S) uint8 RGB.
        patch_size (int): side of a patch, in pixels.
        queries (Tensor): (Q,) indices of view 1's patches, row by row.
        matches (Tensor): (Q,) indices of the patches of view 2 they found.
        correct (Tensor): (Q,) bool, whether each match is true.
    """

    title: str
    views: tuple[Tensor, Tensor]
    patch_size: int
    queries: Tensor
    matches: Tensor
    correct: Tensor


def spread(candidates: Tensor, count: int) -> Tensor:
    """Pick up to ``count`` of a list of indices, evenly over the list.

    Args:
        candidates (Tensor): (N,) indices.
        count (int): how many to pick.

    Returns:
        Tensor: (min(N, count),) of them, in order.
    """
    if len(candidates) <= count:
        return candidates
    steps = torch.linspace(0, len(candidates) - 1, count).round().long()
    return candidates[steps]


def draw_matches(
    rows: Sequence[Sequence[MatchPanel]], path: str | Path, heading: str = ''
) -> int:
    """Write a picture of matched patches.

    Each panel shows view 1 on the left and view 2 on the right. Correct
    matches are solid green lines, wrong ones dashed orange-red.

    Args:
        rows (Sequence[Sequence[MatchPanel]]): the panels, rows of equal
            length; each takes 500 x 270 pixels.
        path (str | Path): where the PNG goes.
        heading (str): text over all panels. Defaults to none.

    Returns:
        int: number of matches drawn.
    """
    figure = Figure(figsize=(5 * len(rows[0]), 2.7 * len(rows)), dpi=_DPI)
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(rows), len(rows[0]), squeeze=False)
    drawn = 0
    for axes_row, panels in zip(axes, rows, strict=True):
        for axis, panel in zip(axes_row, panels, strict=True):
            drawn += _draw_panel(axis, panel)
    figure.suptitle(heading, fontsize=11)
    figure.tight_layout()
    figure.savefig(path)
    return drawn


def _draw_panel(axis: Axes, panel: MatchPanel) -> int:
    """Draw both views and the lines; the number of lines."""
    side = panel.views[0].shape[-1]
    shift = side * (1 + _GAP)
    for i, view in enumerate(panel.views):
        pixels = view.permute(1, 2, 0).numpy()  # (3, S, S) -> (S, S, 3)
        left = i * shift
        axis.imshow(
            pixels, extent=(left, left + side, side, 0), interpolation='none'
        )
    starts = _centres(panel.queries, side, panel.patch_size)
    ends = _centres(panel.matches, side, panel.patch_size) + [shift, 0]
    for start, end, correct in zip(starts, ends, panel.correct, strict=True):
        axis.plot(
            *zip(start, end, strict=True),
            color=_CORRECT if correct else _WRONG,
            linestyle='-' if correct else '--',
            linewidth=1.6 if correct else 1.0,
            marker='s',
            markersize=5,
            markeredgecolor='white',
        )
    axis.set(xlim=(0, shift + side), ylim=(side, 0), title=panel.title)
    axis.title.set_fontsize(10)
    axis.axis('off')
    return len(starts)


def _centres(indices: Tensor, side: int, patch_size: int) -> np.ndarray:
    """(Q, 2) pixel coordinates (x, y) of patch centres."""
    columns = side // patch_size
    places = torch.stack([indices % columns, indices // columns], dim=1)
    return ((places + 0.5) * patch_size).numpy()
