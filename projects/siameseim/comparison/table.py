"""Results of rows over seeds as one table."""

import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from .identity import flat

Result = dict[str, Any]
MEASURES = ('knn', 'linear', 'rank')
# What the seeds of one row must share for a mean to mean something.
SHARED = ('options', 'batch_size', 'threads', 'workers', 'device', 'fast_bf16')


def full_name(result: Result) -> str:
    """A row's name, with the label of what was changed in it."""
    label = result.get('label')
    return f'{result["row"]} ({label})' if label else result['row']


class Summary(NamedTuple):
    """All seeds of one row at one length."""

    row: str  # its name, with its label
    options: str  # what was changed in it without a label; else ''
    epochs: int  # length of the runs
    seeds: list[int]  # those that were run
    means: dict[str, float]  # final values of ``MEASURES``
    spreads: dict[str, float]  # deviations (n - 1); empty for one seed
    untrained: dict[str, float]  # means before training; empty if not known
    gflops: float  # an image, forward and backward
    tflops: float  # of the whole run
    minutes: float  # of training alone, mean over seeds


def read_results(folder: Path) -> list[Result]:
    """Every result under a folder, sorted by row, epochs and seed.

    Raises:
        FileNotFoundError: if there is none.
    """
    found = [
        json.loads(path.read_text()) for path in sorted(folder.glob('*.json'))
    ]
    results = [result for result in found if 'curve' in result]
    if not results:
        raise FileNotFoundError(
            f'{folder} holds no result: run `tools/compare.py run ROW --out '
            f'{folder}` first'
        )
    return sorted(
        results, key=lambda r: (full_name(r), r['epochs'], r['seed'])
    )


def by_row(results: Sequence[Result]) -> dict[tuple[str, int], list[Result]]:
    """All seeds of each row, by its full name, and length."""
    groups: dict[tuple[str, int], list[Result]] = {}
    for result in results:
        key = (full_name(result), result['epochs'])
        groups.setdefault(key, []).append(result)
    return groups


def summarise(results: Sequence[Result]) -> list[Summary]:
    """Mean and spread over the seeds of each row and length.

    Raises:
        ValueError: if a seed occurs twice in a row, or its seeds differ in
            ``SHARED`` or in the epochs that were measured.
    """
    return [_summary(*key, group) for key, group in by_row(results).items()]


def _summary(row: str, epochs: int, group: list[Result]) -> Summary:
    _check_alike(f'{row}, {epochs} epochs', group)
    first, last = (
        [result['curve'][point] for result in group] for point in (0, -1)
    )
    gflops = group[0]['gflops_per_image']
    options = {} if group[0].get('label') else group[0].get('options', {})
    return Summary(
        row,
        ', '.join(map('='.join, options.items())),
        epochs,
        [result['seed'] for result in group],
        _over(last, statistics.mean),
        _over(last, statistics.stdev) if len(last) > 1 else {},
        {} if first[0]['epoch'] else _over(first, statistics.mean),
        gflops,
        gflops * group[0]['images_seen'] / 1e3,
        statistics.mean(point['seconds'] for point in last) / 60,
    )


def _check_alike(name: str, group: list[Result]) -> None:
    """Refuse results that are not of one row's seeds."""
    seeds = [result['seed'] for result in group]
    if len({*seeds}) < len(seeds):
        raise ValueError(f'{name}: seeds {seeds} repeat')
    shared = {part: [each.get(part) for each in group] for part in SHARED}
    digests = [  # of all but results of earlier versions
        flat({part: each[part] for part in ('config', 'data')})
        for each in group
        if 'config' in each
    ]
    for part in sorted({*chain(*digests)}):
        shared[part] = [each.get(part) for each in digests]
    shared['measured'] = [[p['epoch'] for p in r['curve']] for r in group]
    for part, found in shared.items():
        if any(value != found[0] for value in found):
            raise ValueError(
                f'{name}: {part} differs between seeds {seeds}: {found}; run '
                'them alike, or with a --label for each'
            )


def _over(
    points: Sequence[Mapping[str, float]], what: Callable[..., float]
) -> dict[str, float]:
    return {name: what(point[name] for point in points) for name in MEASURES}


def markdown(
    summaries: Sequence[Summary], seconds: Mapping[str, float] | None = None
) -> str:
    """The table, best k-NN first.

    Args:
        summaries (Sequence[Summary]): from ``summarise``.
        seconds (Mapping[str, float], optional): of an image by row, for a
            column of relative times. Defaults to None.
    """
    lines = [
        '| Row | Epochs | Seeds | k-NN | Linear | Rank | Untrained k-NN | '
        'Untrained linear | GFLOP an image | TFLOP a run | Minutes | '
        'Time an image, fastest = 1 |',
        '|---|---|---|---|---|---|---|---|---|---|---|---|',
    ]
    for one in sorted(summaries, key=lambda s: -s.means['knn']):
        seeds = ', '.join(map(str, one.seeds))
        scores = ' | '.join(_with_spread(one, name) for name in MEASURES)
        untrained = ' | '.join(
            f'{one.untrained[name]:.1f}' if one.untrained else '-'
            for name in ('knn', 'linear')
        )
        row = f'{one.row}, with {one.options}' if one.options else one.row
        relative = '-'
        if seconds and one.row in seconds:
            relative = f'{seconds[one.row] / min(seconds.values()):.2f}'
        lines.append(
            f'| {row} | {one.epochs} | {seeds} | {scores} | '
            f'{untrained} | '
            f'{one.gflops:.2f} | {one.tflops:.1f} | {one.minutes:.1f} | '
            f'{relative} |'
        )
    return '\n'.join(lines) + '\n'


def _with_spread(summary: Summary, name: str) -> str:
    text = f'{summary.means[name]:.1f}'
    if name in summary.spreads:
        text += f' ± {summary.spreads[name]:.1f}'
    return text
