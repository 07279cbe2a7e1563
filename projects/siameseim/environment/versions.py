"""Reading and comparing version numbers without third-party help."""

from __future__ import annotations

import re
from dataclasses import dataclass


def release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version: ``'2.14.1+cu130'`` -> (2, 14, 1).

    Trailing zeros are dropped, so that 2.1 and 2.1.0 are equal.

    Raises:
        ValueError: If ``version`` does not start with a number.
    """
    match = re.match(r'\d+(\.\d+)*', version)
    if match is None:
        raise ValueError(f'{version!r} is not a version number.')
    numbers = [int(part) for part in match.group().split('.')]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


@dataclass(frozen=True)
class Range:
    """The supported versions: from ``lowest`` up to, not including, ``end``.

    Args:
        lowest: First supported version.
        end: First version that is too new. Defaults to None, no limit.
    """

    lowest: str
    end: str | None = None

    def __contains__(self, version: str) -> bool:
        if release(version) < release(self.lowest):
            return False
        return self.end is None or release(version) < release(self.end)

    def __str__(self) -> str:
        return f'>={self.lowest}' + (f',<{self.end}' if self.end else '')
