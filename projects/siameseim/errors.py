"""The error that tools show without a traceback."""


class InputError(ValueError):
    """What the user gave cannot be used.

    The text names the value and the file, and says how to mend it.
    """
