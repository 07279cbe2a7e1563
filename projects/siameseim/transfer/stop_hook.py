"""Stops the training for a task where a resume can go on."""

from pathlib import Path
from typing import Any

from mmengine.dist import barrier, get_world_size, is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import IterBasedTrainLoop, Runner

from ..checkpoints.last_checkpoint import find_last_checkpoint, saved_in
from ..checkpoints.stop_signals import ASK_EVERY, StopHook


class TaskStopHook(StopHook):
    """On SIGTERM, SIGUSR1 or Ctrl-C: save if a resume can go on there, stop.

    It can after any optimizer step of a training that is counted in
    iterations, and at an epoch's end of one counted in epochs. Within an epoch
    nothing is saved, as the toolboxes only begin one anew and would train it
    for longer than its schedule; the log says from where a resume will go on.

    With several processes all stop after the same step, at most ten
    iterations later or at the end of the optimizer step. One process leaves a
    validation too, if that costs no step; several end it first. The last one,
    which no resume would make up for, is ended as well.
    """

    def before_train(self, runner: Runner) -> None:
        """Take over the signals, and look for a hook that can save."""
        super().before_train(runner)
        self._by_epoch = not isinstance(runner.train_loop, IterBasedTrainLoop)
        self._saving = [
            hook
            for hook in runner.hooks
            if isinstance(hook, CheckpointHook)
            and hook.by_epoch == self._by_epoch
        ]

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Stop if any process was asked to; at an epoch's end soon.

        Raises:
            SystemExit: as ``leave``.
            KeyboardInterrupt: likewise.
        """
        done = runner.iter + 1
        if not self.asked(done, ASK_EVERY) or done == runner.max_iters:
            return
        if self._by_epoch:
            if done % len(runner.train_dataloader) == 0:
                return
        elif runner.optim_wrapper.should_update():
            self._save(runner, done)
        else:
            return
        self._stop(runner, done)

    def after_train_epoch(self, runner: Runner) -> None:
        """Stop after what was due at an epoch's end.

        Raises:
            SystemExit: as ``leave``.
            KeyboardInterrupt: likewise.
        """
        if self._agreed and runner.iter < runner.max_iters:
            self._save(runner, runner.epoch + 1)
            self._stop(runner, runner.iter)

    def after_val_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Stop if what was trained is saved.

        Raises:
            SystemExit: as ``leave``.
            KeyboardInterrupt: likewise.
        """
        last = runner.iter >= runner.max_iters
        if last or get_world_size() > 1 or not self.asked(0, 1):
            return  # others may have fewer batches to measure
        done = runner.epoch if self._by_epoch else runner.iter
        if all(_has_saved(hook, done) for hook in self._saving):
            self._stop(runner, runner.iter)

    def _save(self, runner: Runner, done: int) -> None:
        """Save after so many epochs or iterations, unless that is done."""
        for hook in self._saving[:1]:
            if not _has_saved(hook, done):
                hook._save_checkpoint(runner)
        barrier()  # who leaves may end the process that writes

    def _stop(self, runner: Runner, done: int) -> None:
        text = f'stopped after iteration {done}'
        if is_main_process():  # whose log it is
            last = find_last_checkpoint(saved_in(runner.cfg))
            text += (
                f'; the same command with --resume goes on from {last}'
                if last
                else '; nothing was saved yet: the same command begins where '
                'this one did'
            )
        self.leave(runner, text)


def _has_saved(hook: CheckpointHook, done: int) -> bool:
    """Whether its last file is that of so many epochs or iterations."""
    name = hook.filename_tmpl.format(done)
    return Path(hook.last_ckpt or '').name == name
