"""Loss terms and gradient norm without waiting for the device."""

import math
from collections import defaultdict
from typing import Any

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import RuntimeInfoHook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import Tensor

from .log_line import log_is_due
from .schedule import ends_window

# Values a scalar keeps. mmengine keeps a million and copies all of them at
# each update; nothing here looks further back than a log interval.
_HISTORY = 1000


@HOOKS.register_module()
class LazyRuntimeInfoHook(RuntimeInfoHook):
    """Stock hook, but losses stay tensors until a log line is due.

    The stock one calls ``.item()`` on every loss term at every iteration,
    which makes a GPU wait for the host. Here the terms of a log interval are
    averaged over iterations and processes on the device and read once. So is
    the norm of the gradient. Values that are not finite are left out of the
    mean (``NonFiniteGuardHook`` reports them); if all are, it is NaN.
    """

    def before_train(self, runner: Runner) -> None:
        """Start with nothing collected."""
        super().before_train(runner)
        self._seen: dict[str, list[Tensor]] = defaultdict(list)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Tensor] | None = None,
    ) -> None:
        """Collect the terms; report them at the end of a log interval."""
        for name, value in (outputs or {}).items():
            self._seen[name].append(value.detach())
        if ends_window(runner, runner.iter + 1):
            self._seen['grad_norm'].append(runner.optim_wrapper.grad_norm)
        if log_is_due(runner):
            self._report(runner)

    def _report(self, runner: Runner) -> None:
        """Write means over the iterations since the last report.

        All processes must call it at the same iteration.
        """
        seen, self._seen = self._seen, defaultdict(list)
        sums = torch.stack([_finite_sum(values) for values in seen.values()])
        all_reduce(sums)
        for name, (total, finite) in zip(seen, sums.tolist(), strict=True):
            mean = total / finite if finite else math.nan
            runner.message_hub.update_scalar(f'train/{name}', mean)
        keep_short_history(runner)


def keep_short_history(runner: Runner) -> None:
    """Forget old values of all scalars, at their next update."""
    for buffer in runner.message_hub.log_scalars.values():
        buffer.max_length = _HISTORY


def _finite_sum(values: list[Tensor]) -> Tensor:
    """(sum of the finite values, their number) as one tensor."""
    stacked = torch.stack(values).float()
    finite = stacked.isfinite()
    return torch.stack([stacked.where(finite, 0).sum(), finite.sum()])
