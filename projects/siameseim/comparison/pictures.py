"""Curves of the compared rows."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .table import Result, full_name


def draw_comparison(results: Sequence[Result], path: Path) -> None:
    """Write k-NN accuracy over epochs, computation and time, as a PNG.

    One line a row and length: the mean over seeds, with a band from the
    lowest to the highest.

    Args:
        results (Sequence[dict]): from ``read_results``.
        path (Path): where the PNG goes.
    """
    figure = Figure(figsize=(16, 5), dpi=100)
    by_epoch, by_cost, by_time = figure.subplots(1, 3, sharey=True)
    groups: dict[str, list[Result]] = {}
    for result in results:
        name = f'{full_name(result)}, {result["epochs"]} epochs'
        groups.setdefault(name, []).append(result)
    for name, group in groups.items():
        epochs = [point['epoch'] for point in group[0]['curve']]
        whole = group[0]['gflops_per_image'] * group[0]['images_seen'] / 1e3
        cost = [epoch / group[0]['epochs'] * whole for epoch in epochs]
        _draw(by_epoch, epochs, group, name)
        minutes = [
            statistics.mean(point['seconds'] for point in points) / 60
            for points in zip(*(r['curve'] for r in group), strict=True)
        ]
        _draw(by_cost, cost, group, name)
        _draw(by_time, minutes, group, name)
    by_epoch.set(xlabel='epochs', ylabel='k-NN, %')
    by_cost.set(xlabel='computation, TFLOP')
    by_time.set(xlabel='training time, minutes')
    for axes in (by_epoch, by_cost, by_time):
        axes.grid(alpha=0.3)
    by_time.legend()
    figure.tight_layout()
    figure.savefig(path)


def _draw(
    axes: Axes, places: Sequence[float], group: Sequence[Result], name: str
) -> None:
    columns = [
        [point['knn'] for point in points]
        for points in zip(*(r['curve'] for r in group), strict=True)
    ]
    means = [sum(column) / len(column) for column in columns]
    (line,) = axes.plot(places, means, marker='.', label=name)
    axes.fill_between(
        places,
        [min(column) for column in columns],
        [max(column) for column in columns],
        color=line.get_color(),
        alpha=0.2,
    )
