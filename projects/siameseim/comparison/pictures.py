"""Curves of the compared rows."""

import statistics
from collections.abc import Sequence

from cycler import cycler
from matplotlib import rcParams
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from .table import Result, by_row

_Row = tuple[tuple[str, int], list[Result]]  # of ``by_row``
_LABELS = ('epochs', 'computation, TFLOP', 'training time, minutes')


def draw_comparison(results: Sequence[Result]) -> Figure:
    """k-NN accuracy over epochs, computation and time.

    One row of panels a data set, one line a row and length: the mean over
    seeds, with a band from the lowest to the highest. The legend has the
    best first.
    """
    rows = sorted(by_row(results).items(), key=_final_score, reverse=True)
    names = {
        each['data']: _data_set(each)
        for each in results
        if 'data' in each and _data_set(each)
    }
    sets: dict[str, list[_Row]] = {}
    for row in rows:
        result = row[1][0]
        # A row of one's own is named by its file alone.
        name = _data_set(result) or names.get(result.get('data'), '')
        sets.setdefault(name, []).append(row)
    # inches: a line of the legend each
    heights = [max(5.0, 0.22 * len(group)) for group in sets.values()]
    figure = Figure(figsize=(18, sum(heights)), dpi=100, layout='constrained')
    parts = figure.subfigures(
        len(sets), 1, squeeze=False, height_ratios=heights
    )
    for part, (name, group) in zip(parts[:, 0], sets.items(), strict=True):
        _draw_set(part, name, group)
    return figure


def _data_set(result: Result) -> str:
    """'cifar10' of 'cifar10/mae'; '' if the name has no such part."""
    return result['row'].rpartition('/')[0]


def _draw_set(part: SubFigure, name: str, rows: Sequence[_Row]) -> None:
    """The three panels of one data set, and their legend."""
    panels = part.subplots(1, 3, sharey=True)
    styles = (
        cycler(linestyle=('-', '--', ':', '-.')) * rcParams['axes.prop_cycle']
    )
    for axes in panels:
        axes.set_prop_cycle(styles)
    for (row, length), group in rows:
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
    panels[0].set_ylabel(f'k-NN on {name}, %' if name else 'k-NN, %')
    part.legend(
        *panels[0].get_legend_handles_labels(), loc='outside right center'
    )


def _final_score(row: _Row) -> float:
    return statistics.mean(each['curve'][-1]['knn'] for each in row[1])


def _draw(
    axes: Axes, places: list[float], scores: list[list[float]], name: str
) -> None:
    means = [statistics.mean(each) for each in scores]
    (line,) = axes.plot(places, means, marker='.', label=name)
    lowest, highest = [*map(min, scores)], [*map(max, scores)]
    axes.fill_between(
        places, lowest, highest, color=line.get_color(), alpha=0.2
    )
