"""Saves and stops when the system asks a run to end, in all processes."""

import contextlib
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import all_reduce, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from ..engine.at_end import when_training_ends
from ..engine.schedule import ends_window
from ..engine.worker_signals import STOP_SIGNALS, end_workers
from .checkpoint_hook import SafeCheckpointHook

# Iterations between two times that several processes ask each other, which
# makes the host wait for the device.
ASK_EVERY = 10
# Seconds in which a signal counts once: torchrun sends its processes the one
# that they have had already if it went to all of a job or terminal.
_ONCE = 5.0


class StopHook(Hook):
    """Base of hooks that end a run on SIGTERM, SIGUSR1 or Ctrl-C.

    Slurm sends one of the first two before the time limit if the job asks for
    it. The same signal again, five seconds or more after it came first, ends
    the process at once; another does not, as Slurm's SIGTERM after the
    SIGUSR1 that a job asked for.

    In a Python session Ctrl-C ends in ``KeyboardInterrupt``, which leaves it
    open, elsewhere in ``SystemExit``. A training that does not run in the main
    thread gets no signals.
    """

    priority = 'LOWEST'  # after a checkpoint of the same iteration

    def before_run(self, runner: Runner) -> None:
        """Give the signals back and end the workers, whatever happens."""
        self._received = 0  # by this process
        self._since: dict[int, float] = {}  # each signal's first arrival
        self._agreed = 0  # by all
        self._previous: dict[signal.Signals, Any] = {}
        when_training_ends(runner, lambda: self._let_go(runner))

    def before_train(self, runner: Runner) -> None:
        """Take over the signals."""
        if threading.current_thread() is threading.main_thread():
            self._previous = {
                number: signal.signal(number, self._receive)
                for number in STOP_SIGNALS
            }

    def _let_go(self, runner: Runner) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}
        end_workers(runner.train_dataloader)

    def asked(self, step: int, every: int) -> bool:
        """Whether any process was asked to end.

        Several processes, which must all call it, ask each other only every
        so many steps.
        """
        if get_world_size() == 1:
            self._agreed = self._received
        elif not self._agreed and step % every == 0:
            received = torch.tensor(self._received, device=get_device())
            all_reduce(received, op='max')
            self._agreed = int(received)
        return bool(self._agreed)

    def leave(self, runner: Runner, text: str) -> None:
        """End the run that was asked to, and say what becomes of it.

        Raises:
            SystemExit: with the status 128 + signal.
            KeyboardInterrupt: in its place on Ctrl-C in a Python session.
        """
        runner.logger.info(f'{signal.Signals(self._agreed).name}: {text}')
        runner.visualizer.close()
        if _leaves_session(self._agreed):
            raise KeyboardInterrupt
        raise SystemExit(128 + self._agreed)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        if not self._received and is_main_process():
            _say(
                f'{signal.Signals(number).name}: stopping soon, at the end of '
                'a step (the same signal again, after five seconds, ends the '
                'run at once)\n'
            )
        self._received = self._received or number
        now = time.monotonic()
        if now - self._since.setdefault(number, now) > _ONCE:
            if _leaves_session(number):
                raise KeyboardInterrupt
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)


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


def _say(text: str) -> None:
    """Write to the terminal as a signal handler may, if it is still there."""
    with contextlib.suppress(OSError):
        os.write(2, text.encode())


def _leaves_session(number: int) -> bool:
    """Whether it is Ctrl-C in a Python session, which is to stay open."""
    return number == signal.SIGINT and hasattr(sys, 'ps1')
