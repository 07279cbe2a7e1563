"""The error that tools show without a traceback, and what it may ask."""

import difflib
import inspect
import math
from collections.abc import Iterable
from typing import Any


class InputError(ValueError):
    """What the user gave cannot be used.

    The text names the value and the file, and says how to mend it.
    """

    def __str__(self) -> str:
        """The text alone: torch puts a loader worker's traceback before it."""
        text = super().__str__()
        return text.rpartition(f'{__name__}.InputError: ')[2].strip()


def check_fractions(owner: str, **settings: object) -> None:
    """Refuse settings of a part, its ``owner``, that are no fractions.

    Raises:
        InputError: naming the first that is not from 0 to 1.
    """
    for name, value in settings.items():
        if not isinstance(value, int | float) or not 0 <= value <= 1:
            raise InputError(
                f'{name}={value!r} of {owner} must be a fraction from 0 to 1'
            )


def check_range(
    owner: str, example: str, limit: float = math.inf, **settings: Any
) -> None:
    """Refuse settings of a part, its ``owner``, that are no ranges.

    Raises:
        InputError: naming the first that is not two positive numbers up to a
            limit, the smaller one first, and an example.
    """
    for name, value in settings.items():
        try:
            least, greatest = value
            right = 0 < least <= greatest <= limit
        except (TypeError, ValueError):
            right = False
        if not right:
            most = f', at most {limit}' if limit < math.inf else ''
            raise InputError(
                f'{name}={value!r} of {owner} must be two positive numbers'
                f'{most}, the smaller one first, such as {example}'
            )


def did_you_mean(name: str, known: Iterable[str], rest: str = '') -> str:
    """A question to end an error with, if a known name is near; else ''.

    ``rest`` is what stood behind the name.
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    return f': did you mean {near[0]}{rest}?' if near else ''


def settings_of(part: type) -> set[str]:
    """Arguments that a class takes, or hands on to one of its bases."""
    return {
        argument
        for base in part.__mro__
        if '__init__' in vars(base)
        for argument in inspect.signature(vars(base)['__init__']).parameters
    }


def some(names: Iterable[object], shown: int = 4) -> str:
    """The first few names, and dots if there are more."""
    texts = [*map(str, names)]
    return ', '.join(texts[:shown]) + (', ...' if texts[shown:] else '')
