"""The error that tools show without a traceback."""


class InputError(ValueError):
    """What the user gave cannot be used.

    The text names the value and the file, and says how to mend it.
    """

    def __str__(self) -> str:
        """The text alone: torch puts a loader worker's traceback before it."""
        text = super().__str__()
        return text.rpartition(f'{__name__}.InputError: ')[2].strip()
