"""How fast the run is and whether it waits for its data."""

import math
import time
from typing import Any

import torch
from mmengine.dist import get_world_size
from mmengine.hooks import Hook, IterTimerHook, LoggerHook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from ..environment.hardware import peak_host_memory
from ..errors import InputError
from .log_line import line_length, log_interval, log_is_due

# Share of the time above which waiting for data deserves a warning, and
# the time in seconds that it takes to be sure. The first log interval, which
# holds start-up costs, does not count.
_SLOW_DATA = 0.2
_SURE_AFTER = 20.0

# Steps below which a run cannot have learned much.
FEW_STEPS = 1000


@HOOKS.register_module()
class ProgressHook(Hook):
    """Log images/s, the share of time spent waiting for data, and memory."""

    def before_train(self, runner: Runner) -> None:
        """Nothing has been warned about yet, but for a run too short.

        Raises:
            InputError: if a hook is switched off that others read from.
        """
        for name, kind in (('timer', IterTimerHook), ('logger', LoggerHook)):
            if not any(isinstance(hook, kind) for hook in runner.hooks):
                raise InputError(
                    f'no {kind.__name__} runs (default_hooks.{name}), from '
                    'which other hooks of a pretraining read: give one; '
                    'default_hooks.logger.interval makes lines rarer'
                )
        self._seconds = self._waited = 0.0
        self._first, self._warned = True, False
        self._started: float | None = time.perf_counter()
        accumulation = getattr(runner.optim_wrapper, 'accumulation', 1)
        steps = runner.max_iters // accumulation
        if 0 < steps < FEW_STEPS:
            epochs = math.ceil(3000 * runner.max_epochs / steps)
            runner.logger.info(
                f'{steps} steps in all: enough to see that it runs, but '
                'features need some thousands (epochs x images / batch): '
                f'3,000 are {epochs} epochs'
            )

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Summarise the log interval that ends here."""
        if self._started is not None:
            self._tell_first_step(runner, self._started)
            self._started = None
        if not log_is_due(runner):
            return
        hub, count = runner.message_hub, line_length(runner)
        seconds = hub.get_scalar('train/time').mean(count)
        waited = hub.get_scalar('train/data_time').mean(count)
        images = runner.train_dataloader.batch_size * get_world_size()
        hub.update_scalar('train/images_per_second', images / seconds)
        hub.update_scalar('train/data_share', waited / seconds)
        megabytes = peak_host_memory() // 2**20  # 0 where it is not told
        if megabytes and not torch.cuda.is_available():
            # with CUDA the stock logger adds that of the GPU
            hub.update_scalar('train/memory', megabytes)
        if not self._first:
            self._seconds += seconds * count
            self._waited += waited * count
            self._warn_if_slow(runner)
        self._first = False

    def after_train_epoch(self, runner: Runner) -> None:
        """Report images that could not be read."""
        dataset = runner.train_dataloader.dataset
        if not hasattr(dataset, 'share_unreadable'):
            return  # a stock data set, which stops at the first
        dataset.share_unreadable()
        if dataset.num_unreadable:
            runner.logger.warning(
                f'unreadable images skipped so far: {dataset.num_unreadable}'
            )

    def _tell_first_step(self, runner: Runner, started: float) -> None:
        """Say that it runs; on a slow machine the next line is far away."""
        seconds = time.perf_counter() - started
        every = min(log_interval(runner), len(runner.train_dataloader))
        runner.logger.info(
            f'first step done, {seconds:.1f} s after the start; the next '
            f'lines follow every {every} steps'
        )

    def _warn_if_slow(self, runner: Runner) -> None:
        share = self._waited / self._seconds
        sure = self._seconds > _SURE_AFTER
        if self._warned or not sure or share < _SLOW_DATA:
            return
        self._warned = True
        runner.logger.warning(
            f'{share:.0%} of the time is spent waiting for images. Raise '
            'train_dataloader.num_workers (now '
            f'{runner.train_dataloader.num_workers}) up to the number of '
            'cores a process has, keep the images on a local disk, or store '
            'them smaller (a short side of 256-512 pixels suffices for 224)'
        )
