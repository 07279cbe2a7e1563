"""When what a run measures between epochs is measured."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..engine.budget import Budget


class EpochMeasureHook(Hook):
    """Measures the untrained network, the last epoch and those between.

    Args:
        name (str): of the hook in ``default_hooks``.
        data (str, optional): what is measured on. None: nothing is done.
        interval (int): epochs between two measurements.
        budget (float, optional): as for ``Budget``.
    """

    # After the checkpoint of the epoch, which is written meanwhile.
    priority = 'LOWEST'
    what: str  # is measured, for the log

    def __init__(
        self, name: str, data: str | None, interval: int, budget: float | None
    ) -> None:
        self.data = data
        self.interval = interval
        self.budget = Budget(name, budget)

    def prepare(self, runner: Runner) -> None:
        """Load what is measured on, or refuse."""
        raise NotImplementedError

    def report(self, runner: Runner, when: str) -> None:
        """Measure, and log it to text log and visualizer."""
        raise NotImplementedError

    def before_train(self, runner: Runner) -> None:
        """Prepare; measure the untrained network."""
        if self.data is None:
            return
        self.prepare(runner)
        self.budget.start(runner)
        if runner.iter == 0:
            self.report(runner, 'before training')

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Count the time, for any checkpoint."""
        if self.data is not None:
            self.budget.count(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Measure if due and not too expensive."""
        if self.data is None:
            return
        last = self.is_last_train_epoch(runner)
        due = self.every_n_epochs(runner, self.interval)
        if last or (due and not self.budget.leaves_out(runner, self.what)):
            self.report(runner, f'after epoch {runner.epoch + 1}')
