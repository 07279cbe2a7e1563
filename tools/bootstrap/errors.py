"""The one error that the set-up shows to its user."""


class SetupError(Exception):
    """A failed set-up step, told as what went wrong and what cures it.

    Args:
        problem: What is wrong, one sentence.
        cure: What the user does about it, usually a command.
    """

    def __init__(self, problem: str, cure: str) -> None:
        super().__init__(problem, cure)
        self.problem = problem
        self.cure = cure

    def __str__(self) -> str:
        return f'{self.problem}\n  cure: {self.cure}'
