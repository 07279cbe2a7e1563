"""Rows of a parity report and how they are printed."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor


class Row(NamedTuple):
    """One compared quantity: its largest deviation and what is allowed."""

    name: str
    deviation: float
    tolerance: float

    @property
    def passed(self) -> bool:
        """NaN deviations fail."""
        return self.deviation <= self.tolerance


def absolute_deviation(ours: Tensor, reference: Tensor) -> float:
    """Largest absolute difference; infinite where the shapes differ."""
    if ours.shape != reference.shape:
        return float('inf')
    return (ours.double() - reference.double()).abs().max().item()


def relative_deviation(ours: Tensor, reference: Tensor) -> float:
    """``||ours - reference|| / ||reference||`` of a whole tensor, float64.

    Against an all-zero reference it is the norm of ``ours``; infinite where
    the shapes differ.
    """
    if ours.shape != reference.shape:
        return float('inf')
    difference = torch.linalg.vector_norm(ours.double() - reference.double())
    scale = torch.linalg.vector_norm(reference.double())
    return (difference / scale if scale > 0 else difference).item()


def worst(name: str, rows: Iterable[Row]) -> Row:
    """The row of a group that comes closest to, or exceeds, its tolerance.

    Raises:
        ValueError: if there is nothing to compare.
    """
    rows = list(rows)
    if not rows:
        raise ValueError(f'nothing to compare for {name!r}')
    row = max(
        rows,
        # NaN compares false with everything, so rank it above any number
        key=lambda r: (r.deviation != r.deviation, r.deviation / r.tolerance),
    )
    return row._replace(name=f'{name} ({len(rows)}): {row.name}')


def format_report(rows: Iterable[Row]) -> str:
    """A table with one line per row, the failed ones marked."""
    lines = [f'{"deviation":>11}  {"allowed":>9}  {"":6}  quantity']
    for row in rows:
        verdict = 'ok' if row.passed else 'FAILED'
        lines.append(
            f'{row.deviation:11.2e}  {row.tolerance:9.1e}  {verdict:6}  '
            f'{row.name}'
        )
    return '\n'.join(lines)
