"""Where optimizer steps end, and their learning rate."""

import math
from typing import Any

from mmengine.optim.scheduler.lr_scheduler import LRSchedulerMixin
from mmengine.optim.scheduler.param_scheduler import _ParamScheduler
from mmengine.runner import Runner
from mmpretrain.registry import PARAM_SCHEDULERS

from ..errors import InputError


def ends_window(runner: Runner, done: int) -> bool:
    """Whether an optimizer step is complete after ``done`` iterations.

    The last window of a run may be shorter than the others.
    """
    last = done == runner.max_iters
    return last or done % runner.optim_wrapper.accumulation == 0


def warmup_cosine(iteration: int, warmup: int, total: int) -> float:
    """Factor on the peak learning rate: linear from 0, then cosine.

    Args:
        iteration (int): training iteration, from 0.
        warmup (int): iterations of warm-up; the peak is reached after them.
        total (int): iterations of the whole run.

    Returns:
        float: in [0, 1].
    """
    if iteration < warmup:
        return iteration / warmup
    done = (iteration - warmup) / (total - warmup)
    return 0.5 * (1 + math.cos(math.pi * done))


@PARAM_SCHEDULERS.register_module()
class WarmupCosineLR(LRSchedulerMixin, _ParamScheduler):
    """Linear warm-up from exactly 0, then cosine, in closed form.

    The stock schedulers multiply the current rate at each step: they cannot
    leave 0 and their rounding depends on where a run was resumed. Under
    gradient accumulation all iterations of a window use the rate of its
    first, so that the run equals one with the large batch.

    Write the config in epochs with ``convert_to_iter_based=True``.

    Args:
        optimizer (OptimWrapper): wrapper or plain optimizer.
        warmup (int): iterations of warm-up; epochs in a config.
        end (int): iterations of the run; the runner fills it in.
        **kwargs: as for the stock schedulers.

    Raises:
        InputError: if the warm-up is not shorter than the run, or is all of
            the one optimizer step that there is.
    """

    def __init__(
        self, optimizer: Any, warmup: int, end: int, **kwargs: Any
    ) -> None:
        if not 0 <= warmup < end:
            raise InputError(
                f'warm-up of {warmup} iterations must be shorter than the '
                f'run of {end}: lower `warmup` of WarmupCosineLR or raise '
                '`train_cfg.max_epochs`'
            )
        self.warmup = warmup
        self.accumulation = getattr(optimizer, 'accumulation', 1)
        if warmup and end <= self.accumulation:
            raise InputError(
                f'a run of {end} iterations has one optimizer step, at the '
                'rate 0 with which the warm-up begins: lower optim_wrapper.'
                f'accumulative_counts={self.accumulation}, or train longer'
            )
        super().__init__(optimizer, end=end, **kwargs)
        if self.accumulation > 1:
            # Else mmengine warns that the schedule moved before a step.
            self.optimizer._global_step = 0

    @classmethod
    def build_iter_from_epoch(
        cls,
        optimizer: Any,
        warmup: float,
        end: int,
        epoch_length: int,
        by_epoch: bool = True,
        **kwargs: Any,
    ) -> 'WarmupCosineLR':
        """Build from lengths in epochs; mmengine calls it."""
        return cls(
            optimizer,
            warmup=round(warmup * epoch_length),
            end=end * epoch_length,
            by_epoch=False,
            **kwargs,
        )

    def state_dict(self) -> dict:
        """Only the position: the rest follows from the config."""
        return {'last_step': self.last_step, '_global_step': self._global_step}

    def load_state_dict(self, state_dict: dict) -> None:
        """Go to a saved position and set the learning rates there.

        The optimizer's own state would bring back the rates of the old
        config; the closed form makes them those of the present one.
        """
        super().load_state_dict(state_dict)
        for group, value in zip(
            self.optimizer.param_groups, self._get_value(), strict=True
        ):
            group[self.param_name] = value

    def _get_value(self) -> list[float]:
        # the first iteration of the optimizer window
        step = self.last_step // self.accumulation * self.accumulation
        factor = warmup_cosine(step, self.warmup, self.end)
        return [base * factor for base in self.base_values]
