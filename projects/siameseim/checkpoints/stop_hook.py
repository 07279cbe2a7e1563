"""Saves and stops when the system asks a run to end."""

import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

import torch
from mmengine.device import get_device
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from ..engine.at_end import when_training_ends
from ..engine.schedule import ends_window
from ..engine.worker_signals import STOP_SIGNALS, end_workers
from .checkpoint_hook import SafeCheckpointHook

# Iterations between two times that several processes ask each other, which
# makes the host wait for the device.
_ASK_EVERY = 10
# Seconds in which a signal counts once: torchrun sends its processes the one
# that they have had already if it went to all of a job or terminal.
_ONCE = 5.0


@HOOKS.register_module()
class StopSignalHook(Hook):
    """On SIGTERM, SIGUSR1 or Ctrl-C: save after the optimizer step, stop.

    Slurm sends one of the first two before the time limit if the job asks for
    it. With several processes all stop after the same step, at most ten
    iterations later or at the end of the optimizer step, or after the first
    step from there that is not skipped. After the last step of an epoch what
    is due of the epoch is measured first. The same signal again, five seconds
    or more after it came first, ends the process at once; another does not, as
    Slurm's SIGTERM after the SIGUSR1 that a job asked for.

    In a Python session Ctrl-C ends in ``KeyboardInterrupt``, which leaves it
    open, elsewhere in ``SystemExit``. A training that does not run in the main
    thread gets no signals.
    """

    priority = 'LOWEST'  # after a checkpoint of the same iteration

    def before_run(self, runner: Runner) -> None:
        """Give the signals back and end the workers, whatever happens."""
        self._previous: dict[signal.Signals, Any] = {}
        when_training_ends(runner, lambda: self._let_go(runner))

    def before_train(self, runner: Runner) -> None:
        """Take over the signals, if there is a hook that can save."""
        self._received = 0  # by this process
        self._since: dict[int, float] = {}  # each signal's first arrival
        self._agreed = 0  # by all
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

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Stop if any process was asked to; at an epoch's end soon.

        Raises:
            SystemExit: as ``_stop``.
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
        every = max(1, _ASK_EVERY // accumulation)
        self._agreed = self._agreed or self._ask(done // accumulation, every)
        if not self._agreed:
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
            SystemExit: as ``_stop``.
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
        """Say what was saved and leave.

        Raises:
            SystemExit: with the status 128 + signal.
            KeyboardInterrupt: in its place on Ctrl-C in a Python session.
        """
        name = signal.Signals(self._agreed).name
        runner.logger.info(
            f'{name}: stopped after iteration {done}, saved '
            f'{checkpoint.last_ckpt}. Run the same command again with '
            '--resume to continue (in Python: cfg.resume = True)'
        )
        runner.visualizer.close()
        if _leaves_session(self._agreed):
            raise KeyboardInterrupt
        raise SystemExit(128 + self._agreed)

    def _ask(self, step: int, every: int) -> int:
        """Signal that any process received, or 0; only now and then."""
        if get_world_size() == 1:
            return self._received
        if step % every:
            return 0
        received = torch.tensor(self._received, device=get_device())
        all_reduce(received, op='max')
        return int(received)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        self._received = self._received or number
        now = time.monotonic()
        if now - self._since.setdefault(number, now) > _ONCE:
            if _leaves_session(number):
                raise KeyboardInterrupt
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)


def _leaves_session(number: int) -> bool:
    """Whether it is Ctrl-C in a Python session, which is to stay open."""
    return number == signal.SIGINT and hasattr(sys, 'ps1')
