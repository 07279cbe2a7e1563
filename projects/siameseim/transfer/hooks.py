"""What ``tools/train.py`` adds to the hooks of a toolbox's config."""

from mmengine.runner import Runner

from .skip_hook import SkipDataHook
from .stop_hook import TaskStopHook
from .whole_checkpoint import WholeCheckpointHook


def register_hooks(runner: Runner) -> None:
    """Let a training for a task be stopped and resumed."""
    for hook in (WholeCheckpointHook(), SkipDataHook(), TaskStopHook()):
        runner.register_hook(hook)
