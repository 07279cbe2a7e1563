"""What the log of a run says of learning, in a few sentences."""

from typing import Any

from ..watch.feature_hook import FOUND_AMONG
from ..watch.judge import Limits, Signs, collapsed
from ..watch.signs import FeatureSigns
from .page import Section

# Times chance below which a prediction tells images hardly apart.
_NOTHING, _LITTLE = 2.0, 5.0


def in_short(log: list[dict[str, Any]], batch_size: int) -> Section:
    """The first section of a report.

    Args:
        log (list[dict]): lines of the JSON log, from ``read_log``.
        batch_size (int): images of a process and step.
    """
    parts = [
        _learned(log, min(FOUND_AMONG, batch_size)),
        _not_collapsed(log),
        _knn(log),
    ]
    return Section('In short', ' '.join(filter(None, parts)))


def _learned(log: list[dict[str, Any]], images: int) -> str:
    found = [line['found_image'] for line in log if 'found_image' in line]
    if not found:
        return (
            'The log does not tell whether the network learns '
            '(default_hooks.features measures it).'
        )
    if found[-1] < _NOTHING / images:
        verdict = 'Nothing is learned so far'
    elif found[-1] < _LITTLE / images:
        verdict = 'Little is learned so far'
    else:
        verdict = 'The network learns what it is asked for'
    return (
        f'{verdict}: predicted features find their own image among {images} '
        f'in {found[-1]:.0%} of cases ({1 / images:.1%} by chance, '
        f'{found[0]:.0%} at first).'
    )


def _not_collapsed(log: list[dict[str, Any]]) -> str:
    signs = [s for s in map(_signs, log) if s]
    if not signs:
        return ''
    found = collapsed(signs[-1], signs[0], Limits())
    if found:
        return f'Signs of collapse: {"; ".join(found)}.'
    return 'No sign of collapse.'


def _signs(line: dict[str, Any]) -> Signs:
    """Those of a line, by branch; empty if it has none."""
    return {
        branch: FeatureSigns(
            *(line[f'{branch}_{name}'] for name in FeatureSigns._fields)
        )
        for branch in ('online', 'target', 'projected')
        if f'{branch}_rank' in line
    }


def _knn(log: list[dict[str, Any]]) -> str:
    knn = [line['knn'] for line in log if 'knn' in line]
    if not knn:
        return (
            'What the features are worth for a task, labelled images tell: '
            'tools/knn.py.'
        )
    return f'k-NN accuracy {knn[-1]:.1f} %, {knn[0]:.1f} % at first.'
