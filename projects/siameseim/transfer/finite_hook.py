"""Ends the training for a task that does not learn any more."""

from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from ..checkpoints.stop_signals import ASK_EVERY
from ..engine.schedule import ends_window


class FiniteStepHook(Hook):
    """Ends a run whose loss or gradient was not finite ten times or more.

    The toolboxes train it to its end and log 'nan'. A few such steps are
    skipped by ``AutocastOptimWrapper``; if it skips them all, nothing changes
    any more. With the stock wrapper, which does not look at gradients, one
    such loss ruins the weights, and all losses after it.
    """

    priority = 'HIGH'  # before checkpoints are saved

    def before_train(self, runner: Runner) -> None:
        """Start counting."""
        self._in_a_row = torch.tensor(0)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Tensor] | None = None,
    ) -> None:
        """Count; now and then read the count, that of any process.

        Raises:
            FloatingPointError: naming the iterations and the cures.
        """
        done = runner.iter + 1
        loss = torch.as_tensor((outputs or {}).get('loss', 0.0))
        skipped = getattr(runner.optim_wrapper, 'skipped', None)
        if skipped is None:
            self._in_a_row = (self._in_a_row + 1) * ~loss.isfinite()
        elif ends_window(runner, done):
            self._in_a_row = (self._in_a_row + 1) * skipped
        if done % ASK_EVERY:
            return
        all_reduce(self._in_a_row, op='max')
        if (count := int(self._in_a_row)) >= ASK_EVERY:
            raise FloatingPointError(
                f'loss or gradient were not finite {count} times in a row, up '
                f'to iteration {done}, so nothing is learnt: lower '
                'optim_wrapper.optimizer.lr, or with bf16 set '
                'optim_wrapper.precision=fp32, with --cfg-options, and start '
                'again, or resume from a checkpoint of before (--resume FILE)'
            )
