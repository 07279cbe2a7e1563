"""Numbers that launchers leave in environment variables."""

import os

from ..errors import InputError


def number(name: str, default: int) -> int:
    """The number in a variable, or a default if it is not set or empty.

    Raises:
        InputError: naming the variable, if it holds no number.
    """
    text = os.environ.get(name, '').strip()
    if not text:
        return default
    try:
        return int(text)
    except ValueError as error:
        raise InputError(
            f'the environment variable {name}={text!r} must be a whole '
            'number: correct or unset it'
        ) from error
