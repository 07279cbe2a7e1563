"""Learns that the system asks a run to end, the same in all processes."""

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

from ..engine.at_end import when_training_ends
from ..engine.worker_signals import STOP_SIGNALS, end_workers

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


def _say(text: str) -> None:
    """Write to the terminal as a signal handler may, if it is still there."""
    with contextlib.suppress(OSError):
        os.write(2, text.encode())


def _leaves_session(number: int) -> bool:
    """Whether it is Ctrl-C in a Python session, which is to stay open."""
    return number == signal.SIGINT and hasattr(sys, 'ps1')
