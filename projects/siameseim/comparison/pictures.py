"""Curves of the compared rows."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .table import Result, by_row

_LABELS = ('epochs', 'computation, TFLOP', 'training time, minutes')


def draw_comparison(results: Sequence[Result], path: Path) -> None:
    """Write k-NN accuracy over epochs, computation and time, as a PNG.

    One line a row and length: the mean over seeds, with a band from the
    lowest to the highest.

    Args:
        results (Sequence[dict]): from ``read_results``.
        path (Path): where the PNG goes.
    """
    figure = Figure(figsize=(16, 5), dpi=100)
    panels = figure.subplots(1, 3, sharey=True)
    for (row, length), group in by_row(results).items():
        # the same point of each seed's curve
        points = [*zip(*(each['curve'] for each in group), strict=True)]
        epochs = [seeds[0]['epoch'] for seeds in points]
        whole = group[0]['gflops_per_image'] * group[0]['images_seen'] / 1e3
        cost = [epoch / length * whole for epoch in epochs]
        seconds = [[point['seconds'] for point in seeds] for seeds in points]
        minutes = [statistics.mean(each) / 60 for each in seconds]
        scores = [[point['knn'] for point in seeds] for seeds in points]
        for axes, places in zip(panels, (epochs, cost, minutes), strict=True):
            _draw(axes, places, scores, f'{row}, {length} epochs')
    for axes, label in zip(panels, _LABELS, strict=True):
        axes.set_xlabel(label)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel('k-NN, %')
    panels[-1].legend()
    figure.tight_layout()
    figure.savefig(path)


def _draw(
    axes: Axes, places: list[float], scores: list[list[float]], name: str
) -> None:
    means = [statistics.mean(each) for each in scores]
    (line,) = axes.plot(places, means, marker='.', label=name)
    lowest, highest = [*map(min, scores)], [*map(max, scores)]
    axes.fill_between(
        places, lowest, highest, color=line.get_color(), alpha=0.2
    )
