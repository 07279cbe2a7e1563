"""Curves over the iterations of a run."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def read_curves(
    path: str | Path, names: Sequence[str]
) -> tuple[list[int], dict[str, list[float]]]:
    """Read curves from the JSON log of a run.

    Args:
        path (str | Path): ``vis_data/scalars.json`` of a run's log folder,
            one JSON object a line.
        names (Sequence[str]): which values, such as 'loss'; lines without
            them, as those of a validation, are passed over.

    Returns:
        tuple[list[int], dict[str, list[float]]]: N iterations and the N
        values of each name.
    """
    lines = [json.loads(line) for line in Path(path).read_text().splitlines()]
    kept = [line for line in lines if all(name in line for name in names)]
    curves = {name: [line[name] for line in kept] for name in names}
    return [line['step'] for line in kept], curves


def draw_curves(
    iterations: Sequence[int],
    curves: Mapping[str, Sequence[float]],
    path: str | Path,
    title: str = '',
) -> None:
    """Write a picture of 800 x 450 pixels with one line a curve.

    Args:
        iterations (Sequence[int]): N positions on the horizontal axis.
        curves (Mapping[str, Sequence[float]]): N values of each curve, by
            the name the legend shows.
        path (str | Path): where the PNG goes.
        title (str): text over the curves. Defaults to none.
    """
    figure = Figure(figsize=(8, 4.5), dpi=100)
    FigureCanvasAgg(figure)
    axis = figure.subplots()
    for name, values in curves.items():
        axis.plot(iterations, values, label=name)
    axis.set(xlabel='iteration', ylabel='loss', title=title)
    axis.grid(alpha=0.3)
    axis.legend()
    figure.tight_layout()
    figure.savefig(path)
