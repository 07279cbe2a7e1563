"""Measured numbers as tables for people."""

from typing import Any

_COLUMNS = (
    'images_per_second',
    'ours_is_faster_by',
    'share_of_matmul',
    'share_of_datasheet',
    'weights_and_moments_gib',
    'step_memory_mib_per_image',
)


def show(result: dict[str, Any], indent: int = 0) -> None:
    """Print names and values, nested dicts indented below their name.

    Args:
        result (dict): texts, numbers, spreads (median, lowest, highest),
            lists, or dicts of those and lists of them (points of a curve).
        indent (int): spaces before each line. Defaults to 0.
    """
    for name, value in result.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            value = {f'point {i}': point for i, point in enumerate(value, 1)}
        if isinstance(value, dict):
            print(f'{" " * indent}{name}')
            show(value, indent + 2)
        else:
            width = 40 - indent
            print(f'{" " * indent}{name:{width}} {short(value)}')


def short(value: Any) -> str:
    """Four significant digits; a spread as 'median (lowest to highest)'."""
    if isinstance(value, tuple) and len(value) == 3:
        median, low, high = value
        return f'{median:.4g}  ({low:.4g} to {high:.4g})'
    return f'{value:.4g}' if isinstance(value, float) else str(value)


def suite_table(results: dict[str, Any], failed: dict[str, str]) -> str:
    """Markdown: a row for each measured step, then data rates, then failures.

    Args:
        results (dict): by name, as ``tools/benchmark.py --json`` writes them.
        failed (dict[str, str]): what stopped other measurements, by name.
    """
    lines = [
        '| Run | Batch | Step of | '
        + ' | '.join(map(_title, _COLUMNS))
        + ' |',
        '|---|---|---|' + '---|' * len(_COLUMNS),
    ]
    for name, result in results.items():
        for step, numbers in result['steps'].items():
            cells = [name, str(result['batch_size']), step]
            cells += [_cell(numbers.get(column)) for column in _COLUMNS]
            lines.append('| ' + ' | '.join(cells) + ' |')
    lines += [
        f'\n{name}: {_title(what)} {_cell(rate)}'
        for name, result in results.items()
        for what, rate in result.get('data', {}).items()
    ]
    lines += [
        f'\n{name}: {_title(what)} of the kernels of a step {_cell(value)}'
        for name, result in results.items()
        for what, value in result.get('kernels_of_a_step', {}).items()
        if what in ('seconds', 'launches', 'host_seconds')
    ]
    lines += [f'\n{name} failed: {why}' for name, why in failed.items()]
    return '\n'.join(lines)


def _title(column: str) -> str:
    return column.replace('_', ' ')


def _cell(value: Any) -> str:
    """Number, spread (which JSON made a list), or a dash."""
    if value is None:
        return '-'
    return short(tuple(value) if isinstance(value, list) else value)
