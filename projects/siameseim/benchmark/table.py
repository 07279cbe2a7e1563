"""Measured numbers as a table for people."""

from typing import Any


def show(result: dict[str, Any], indent: int = 0) -> None:
    """Print names and values, nested dicts indented below their name.

    Args:
        result (dict): texts, numbers, spreads (median, lowest, highest),
            lists, or dicts of those.
        indent (int): spaces before each line. Defaults to 0.
    """
    for name, value in result.items():
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
