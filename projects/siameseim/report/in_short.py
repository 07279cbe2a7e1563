"""What the log of a run says of learning, in a few sentences."""

from collections.abc import Mapping
from typing import Any

from ..engine.progress_hook import FEW_STEPS
from ..watch.feature_hook import (
    FOUND_AMONG,
    PAST_LIMITS,
    PATIENCE,
    UNTRAINED,
)
from ..watch.signs import FeatureSigns, Limits, Signs, collapsed
from .page import Section

# Share of right answers beyond chance (0: chance, 1: all) from which a network
# has learned a little, and something: 0.02 where k-NN had not risen, 0.05
# where it had by 5 points, 0.3 in a run that learned (docs/watching.md).
_LITTLE, _SOMETHING = 0.03, 0.15


def in_short(
    log: list[dict[str, Any]],
    info: dict[str, Any],
    images: int,
    cfg: Mapping[str, Any],
    iterations: int,
) -> Section:
    """The first section of a report.

    Args:
        log (list[dict]): lines of the JSON log, from ``read_log``.
        info (dict): what the checkpoint's hooks keep.
        images (int): of a process and step.
        cfg (Mapping): of the run.
        iterations (int): that the checkpoint has had; several make one step
            where gradients are accumulated.
    """
    watch = cfg.get('default_hooks', {}).get('features') or {}
    collapse = _collapse(log, info, watch)
    learned = _learned(log, min(FOUND_AMONG, images), watch, bool(collapse))
    accumulated = cfg.get('optim_wrapper', {}).get('accumulative_counts', 1)
    few = _few(iterations // accumulated)
    parts = [collapse, learned, _knn(log), few]
    return Section('In short', ' '.join(filter(None, parts)))


def _collapse(
    log: list[dict[str, Any]], info: dict[str, Any], watch: dict[str, Any]
) -> str:
    """What the last measurement showed, if it passed the hook's limits."""
    count = info.get(PAST_LIMITS, 0)
    # k-NN and validation write lines of their own, without signs
    signs = [*filter(None, map(_signs, log))]
    if not count or not signs:
        return ''
    limits = Limits(**(watch.get('limits') or {}))
    found = '; '.join(collapsed(signs[-1], info[UNTRAINED], limits))
    sure = count >= watch.get('patience', PATIENCE)
    verdict = (
        'The network seems to have collapsed'
        if sure
        else 'The last measurement shows collapse'
    )
    return f'{verdict}: {found}.'


def _learned(
    log: list[dict[str, Any]],
    images: int,
    watch: dict[str, Any],
    collapse: bool,
) -> str:
    if not log:
        return 'No log beside the checkpoint tells whether the network learns.'
    found = [line['found_image'] for line in log if 'found_image' in line]
    if not found or images < 2:
        return (
            'The log does not tell yet whether the network learns: '
            'default_hooks.features measures it in the first and last step '
            'and between, in batches of 2 and more.'
        )
    beyond_chance = (found[-1] - 1 / images) / (1 - 1 / images)
    judged = len(found) > watch.get('patience', PATIENCE)
    healthy = (
        'no sign of collapse'
        if judged
        else f'too few measurements ({len(found)}) to tell of a collapse'
    )
    if collapse:
        verdict = ''
    elif beyond_chance < _LITTLE:
        verdict = f'Nothing is learned so far, {healthy}: '
    elif beyond_chance < _SOMETHING:
        verdict = f'Little is learned so far, {healthy}: '
    else:
        verdict = f'The network learns what it is asked for, {healthy}: '
    return (
        f'{verdict}predicted features find their own image among {images} '
        f'training images in {found[-1]:.0%} of cases ({1 / images:.1%} by '
        f'chance, {found[0]:.0%} at first).'
    )


def _few(steps: int) -> str:
    if steps >= FEW_STEPS:
        return ''
    return (
        f'{steps} steps are few: good features take some thousands. So short '
        'a run says little about the method.'
    )


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
            'What the features are worth for a task, labelled images tell '
            '(tools/knn.py).'
        )
    return f'k-NN accuracy {knn[-1]:.1f} %, {knn[0]:.1f} % at first.'
