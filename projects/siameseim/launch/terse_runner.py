"""The stock runner, with a terminal and a work directory that can be read."""

import errno
import logging
import os
import time
import warnings
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any

from mmengine.dist import broadcast_object_list, is_main_process
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from torch.nn import Module
from torch.utils.data import DataLoader

from ..engine.worker_signals import leave_signals_to_trainer
from .work_dir_lock import only_run_in

# How messages of mmengine begin that are for the log file alone.
_REPORTS = (
    'System environment:',
    'Config:',
    'Hooks will be executed',
    'Exp name:',  # after each epoch
    'Distributed training is not used, all SyncBatchNorm',
)

# The disk is full, or what the user may write on it used up.
_FULL = (errno.ENOSPC, errno.EDQUOT)

_STAMP = '%Y%m%d_%H%M%S'
# Time stamps of the runs that this process began.
_STAMPS: set[str] = set()


class TerseRunner(Runner):
    """Stock runner that spares the terminal its reports of many lines.

    Environment, config and list of hooks, 280 lines in all, and the name of
    the experiment after each epoch go to the log file alone. The copy of the
    config in the work directory is written once nothing refuses the run, and
    there is something left to train. The folder of logs is the run's own.
    Signals that ask it to stop do not end its loader workers.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        log_file = os.path.join(self.log_dir, f'{self.timestamp}.log')
        self.logger.info(f'environment, config and hooks: {log_file}')

    def setup_env(self, env_cfg: dict) -> None:
        """Set up the stock way, with a time stamp that no other run has."""
        super().setup_env(env_cfg)
        stamp = [
            _make_log_folder(self.work_dir) if is_main_process() else None
        ]
        broadcast_object_list(stamp)
        (self._timestamp,) = stamp

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the stock logger, whose terminal leaves long reports out."""
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(_is_no_report)
        return logger

    @staticmethod
    def build_dataloader(*args: Any, **kwargs: Any) -> DataLoader:
        """Build the stock loader, whose workers do not end before the run."""
        loader = Runner.build_dataloader(*args, **kwargs)
        first: Any = loader.worker_init_fn
        if getattr(first, 'func', None) is not leave_signals_to_trainer:
            loader.worker_init_fn = partial(
                leave_signals_to_trainer, first=first
            )
        return loader

    def wrap_model(self, *args: Any, **kwargs: Any) -> Module:
        """Wrap the stock way, without a warning of our own setting.

        Each process would write it.
        """
        with warnings.catch_warnings():
            told = '`broadcast_buffers` is deprecated'
            warnings.filterwarnings('ignore', told, FutureWarning)
            return super().wrap_model(*args, **kwargs)

    def train(self) -> Module:
        """Train the stock way, where no other run trains.

        Raises:
            OSError: naming the work directory, if there is no room for what
                has no name: a line of the log, or what loader workers share;
                others as they come.
        """
        try:
            with only_run_in(self.work_dir):
                return super().train()
        except OSError as error:
            if error.errno not in _FULL or error.filename:
                raise
            cure = 'make room, then run the same command with --resume'
            place = 'for the log, or in /dev/shm for loader workers'
            text = f'{error.strerror} {place}: {cure}'
            raise OSError(error.errno, text, self.work_dir) from error

    def dump_config(self) -> None:
        """Not yet, when the runner is built: a refusal may follow."""

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Leave a copy of the config once all hooks accept the run."""
        super().call_hook(fn_name, **kwargs)
        trains = fn_name == 'before_train' and self.iter < self.max_iters
        if trains or fn_name == 'before_test':
            super().dump_config()


def _make_log_folder(work_dir: str) -> str:
    """Make a folder named by the first second after all others there.

    Returns its name. Logs are read in the order of these names: where the
    clock was set back, or that of another machine is behind, the next second
    is taken. Nor is it one of another work directory of this process, in
    which mmengine keeps loggers and visualizers by the name of the config and
    this one.
    """
    seconds = max([time.time(), *_times_of_folders(work_dir)])
    while True:
        stamp = time.strftime(_STAMP, time.localtime(seconds))
        seconds += 1
        if stamp in _STAMPS:
            continue
        try:
            os.mkdir(os.path.join(work_dir, stamp))
        except FileExistsError:  # of a run begun in the same second
            continue
        _STAMPS.add(stamp)
        return stamp


def _times_of_folders(work_dir: str) -> Iterator[float]:
    for name in os.listdir(work_dir):
        with suppress(ValueError, OverflowError):  # of something else
            yield time.mktime(time.strptime(name, _STAMP))


def _is_no_report(record: logging.LogRecord) -> bool:
    return not record.getMessage().lstrip('\n-').startswith(_REPORTS)
