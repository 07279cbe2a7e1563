"""Ends the training for a task that does not learn any more."""

from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor

from ..checkpoints.stop_signals import ASK_EVERY


class FiniteLossHook(Hook):
    """Ends a run whose loss was not finite for ten iterations or more.

    The toolboxes train it to its end and log 'nan'. A few such losses may be
    of steps that ``AutocastOptimWrapper`` skips; with the stock wrapper one
    ruins the weights, and all losses after it.
    """

    priority = 'HIGH'  # before checkpoints are saved

    def before_train(self, runner: Runner) -> None:
        """Start counting."""
        self._in_a_row: Tensor | int = 0

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
        loss = torch.as_tensor((outputs or {}).get('loss', 0.0))
        self._in_a_row = (self._in_a_row + 1) * ~loss.isfinite()
        done = runner.iter + 1
        if done % ASK_EVERY:
            return
        all_reduce(self._in_a_row, op='max')
        if (count := int(self._in_a_row)) >= ASK_EVERY:
            raise FloatingPointError(
                f'the loss of the last {count} iterations, up to iteration '
                f'{done}, was not finite, so nothing is learnt: lower '
                'optim_wrapper.optimizer.lr, or with bf16 set '
                'optim_wrapper.precision=fp32, with --cfg-options, and start '
                'again, or resume from a checkpoint of before (--resume FILE)'
            )
