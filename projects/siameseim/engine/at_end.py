"""What is done when a training ends, however it ends."""

from collections.abc import Callable
from typing import Any

from mmengine.runner import BaseLoop, Runner


def when_training_ends(runner: Runner, action: Callable[[], object]) -> None:
    """Have something done after the training that is about to begin.

    Also if an error or Ctrl-C ends it, of which mmengine tells no hook: a
    notebook goes on. To be called by a hook's ``before_run``, which comes
    before validations and tests too, and then does nothing.
    """
    loop = runner._train_loop  # asked for by name it would be built
    if not isinstance(loop, BaseLoop):
        return
    run = loop.run

    def run_and_end() -> Any:
        loop.run = run
        try:
            return run()
        finally:
            action()

    loop.run = run_and_end
