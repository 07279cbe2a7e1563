"""What ``tools/train.py`` adds to the hooks of a toolbox's config."""

from typing import Any

from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..engine.runtime_info_hook import keep_short_history
from .finite_hook import FiniteStepHook
from .skip_hook import SkipDataHook
from .stop_hook import TaskStopHook
from .whole_checkpoint import WholeCheckpointHook


class ShortHistoryHook(Hook):
    """Lets steps and checkpoints stay as quick and small as at the start.

    mmengine copies all values that a scalar has had at each of its updates,
    and saves them.
    """

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Of all scalars, also those that are new."""
        keep_short_history(runner)


def register_hooks(runner: Runner) -> None:
    """Let a training for a task be stopped and resumed, and not grow.

    Nor go on where nothing is learnt.
    """
    for hook in (
        FiniteStepHook(),
        WholeCheckpointHook(),
        SkipDataHook(),
        TaskStopHook(),
        ShortHistoryHook(),
    ):
        runner.register_hook(hook)
