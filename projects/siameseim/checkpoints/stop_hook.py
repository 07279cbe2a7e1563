"""Saves and stops when the system asks a run to end."""

from typing import Any

from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from ..engine.schedule import ends_window
from .checkpoint_hook import SafeCheckpointHook
from .stop_signals import ASK_EVERY, StopHook


@HOOKS.register_module()
class StopSignalHook(StopHook):
    """On SIGTERM, SIGUSR1 or Ctrl-C: save after the optimizer step, stop.

    With several processes all stop after the same step, at most ten
    iterations later or at the end of the optimizer step, or after the first
    step from there that is not skipped. After the last step of an epoch what
    is due of the epoch is measured first.
    """

    def before_train(self, runner: Runner) -> None:
        """Take over the signals, if there is a hook that can save."""
        self._stops = False  # all is saved
        saving = [h for h in runner.hooks if isinstance(h, SafeCheckpointHook)]
        self._checkpoint = saving[0] if saving else None
        if self._checkpoint is None:
            runner.logger.warning(
                'SIGTERM and Ctrl-C end this run at once, without saving: '
                'StopSignalHook saves with SafeCheckpointHook alone, so set '
                'default_hooks.checkpoint.type=SafeCheckpointHook'
            )
            return
        super().before_train(runner)

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Stop if any process was asked to; at an epoch's end soon.

        Raises:
            SystemExit: as ``leave``.
            KeyboardInterrupt: likewise.
        """
        done, checkpoint = runner.iter + 1, self._checkpoint
        if (
            checkpoint is None
            or done == runner.max_iters
            or not ends_window(runner, done)
        ):
            return
        accumulation = runner.optim_wrapper.accumulation
        every = max(1, ASK_EVERY // accumulation)
        if not self.asked(done // accumulation, every):
            return
        if not checkpoint.save(runner, done):
            return  # and stop after the next good step
        checkpoint.finish()  # who leaves may end the process that writes
        self._stops = True
        if done % len(runner.train_dataloader):
            self._stop(runner, done, checkpoint)

    def after_train_epoch(self, runner: Runner) -> None:
        """Stop if an epoch's end was waited for.

        Raises:
            SystemExit: as ``leave``.
            KeyboardInterrupt: likewise.
        """
        checkpoint = self._checkpoint
        if checkpoint is not None and self._stops:
            checkpoint.save(runner, runner.iter)  # with what was measured
            checkpoint.finish()
            self._stop(runner, runner.iter, checkpoint)

    def _stop(
        self, runner: Runner, done: int, checkpoint: SafeCheckpointHook
    ) -> None:
        self.leave(
            runner,
            f'stopped after iteration {done}, saved {checkpoint.last_ckpt}. '
            'Run the same command again with --resume to continue (in '
            'Python: cfg.resume = True)',
        )
