"""The one error that the set-up shows to its user."""


class SetupError(Exception):
    """A failed set-up step: what went wrong, and the command that cures it."""

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(problem, cure)
        self.problem = problem
        self.cure = cure

    def __str__(self) -> str:
        return f'{self.problem}\n  cure: {self.cure}'
