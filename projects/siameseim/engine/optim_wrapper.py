"""The optimizer wrapper: autocast and gradient clipping without stalls."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from mmpretrain.registry import OPTIM_WRAPPERS
from torch import Tensor, nn
from torch.nn.utils import clip_grad_value_, get_total_norm

from ..models.norm import batch_norm_buffers
from .param_groups import keep_settings
from .precision import use_bf16


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Stock wrapper plus bf16 autocast on any device and lazy gradient norm.

    The stock ``AmpOptimWrapper`` refuses to run on a CPU, and the stock
    clipping reads the norm back to the host at every step, which makes a GPU
    wait. Here the norm stays a tensor until a log line needs it. bf16 has the
    range of fp32, so there is no loss scaling.

    A step whose loss or gradient is not finite changes nothing: no weight, no
    moment, no BatchNorm statistic, and ``MomentumTargetHook`` moves no target
    for it. With a fused optimizer that is decided on the device; with others,
    and on Apple's GPUs, the host waits for the flag. ``NonFiniteGuardHook``
    counts such steps. A loss that is not finite makes all gradients NaN, which
    the all-reduce of gradients carries to all processes: they skip the same
    steps.

    Attributes ``grad_norm``, before clipping, and ``skipped``, whether the
    last step was skipped, are scalars on the device; None before a step.

    Args:
        precision (str): 'auto', 'bf16' or 'fp32'. Defaults to 'auto'.
        **kwargs: as for ``mmengine.optim.OptimWrapper``.
    """

    def __init__(self, precision: str = 'auto', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        keep_settings(self.optimizer)
        self.precision = precision
        self.grad_norm: Tensor | None = None
        self.skipped: Tensor | None = None
        self._statistics: _BatchNormSnapshot | None = None

    @property
    def accumulation(self) -> int:
        """Training iterations that make one optimizer step."""
        return self._accumulative_counts

    @cached_property
    def bf16(self) -> bool:
        """Whether forward passes run in bf16, on the device of the weights."""
        return use_bf16(self.precision, self._device_type)

    @property
    def _device_type(self) -> str:
        return self.optimizer.param_groups[0]['params'][0].device.type

    def autocast(self) -> torch.autocast:
        """The context of a forward pass."""
        return torch.autocast(self._device_type, torch.bfloat16, self.bf16)

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Enter autocast and, while accumulating, skip gradient all-reduce.

        At the start of an optimizer window the BatchNorm statistics are
        copied, for the case that its step is skipped.
        """
        if self._statistics is None:
            self._statistics = _BatchNormSnapshot(model)
        if self._inner_count % self._accumulative_counts == 0:
            self._statistics.take()
        with super().optim_context(model), self.autocast():
            yield

    def update_params(self, loss: Tensor, *args: Any, **kwargs: Any) -> None:
        """Stock update; a loss that is not finite gives NaN gradients."""
        one_or_nan = loss.detach() * 0 + 1  # inf * 0 is NaN
        super().update_params(loss * one_or_nan, *args, **kwargs)

    def step(self, **kwargs: Any) -> None:
        """Clip and update, unless the gradient is not finite."""
        self.grad_norm = self._norm_and_clip()
        self.skipped = ~torch.isfinite(self.grad_norm)
        # that of Adam for Apple's GPUs takes no notice of the flag
        on_apple = self.skipped.device.type == 'mps'
        if self.optimizer.defaults.get('fused') and not on_apple:
            # The kernel reads this flag on the device, as it does for a
            # GradScaler, and leaves weights and moments alone if it is 1. That
            # of a sharded optimizer is inside of it.
            kernel: Any = getattr(self.optimizer, 'optim', self.optimizer)
            kernel.found_inf = self.skipped.float()
            self.optimizer.step(**kwargs)
        elif not self.skipped:
            self.optimizer.step(**kwargs)
        if self._statistics is not None:
            self._statistics.restore_where(self.skipped)

    def reset_window(self) -> None:
        """Forget gradients and statistics of weights that were replaced."""
        self.zero_grad()
        if self._statistics is not None:
            self._statistics.take()

    def _norm_and_clip(self) -> Tensor:
        """Norm of all gradients, which are clipped afterwards."""
        params = [
            param
            for group in self.optimizer.param_groups
            for param in group['params']
            if param.grad is not None
        ]
        if self.clip_grad_kwargs and self.clip_func is not clip_grad_value_:
            return self.clip_func(params, **self.clip_grad_kwargs).detach()
        norm = get_total_norm([param.grad for param in params])
        if self.clip_grad_kwargs:  # by value, which makes infinity finite
            self.clip_func(params, **self.clip_grad_kwargs)
        return norm.detach()


class _BatchNormSnapshot:
    """Running statistics of a model as they were before a forward pass.

    A batch that is not finite breaks them before anybody can know. They are
    copied on the device, a few thousand numbers, and put back there.
    """

    def __init__(self, model: nn.Module) -> None:
        buffers = batch_norm_buffers(model)
        # by type, as a kernel for many tensors takes one
        self._groups = [
            [buffer for buffer in buffers if buffer.dtype == dtype]
            for dtype in {buffer.dtype for buffer in buffers}
        ]
        self.take()

    @torch.no_grad()
    def take(self) -> None:
        """Copy the statistics as they are now."""
        self._kept = [_joined(group) for group in self._groups]

    @torch.no_grad()
    def restore_where(self, skipped: Tensor) -> None:
        """Put the copy back if ``skipped``, without asking the device."""
        for group, kept in zip(self._groups, self._kept, strict=True):
            values = torch.where(skipped, kept, _joined(group))
            sizes = [buffer.numel() for buffer in group]
            parts = zip(group, values.split(sizes), strict=True)
            torch._foreach_copy_(
                group, [part.view_as(buffer) for buffer, part in parts]
            )


def _joined(buffers: list[Tensor]) -> Tensor:
    """One new vector of all values."""
    return torch.cat([buffer.flatten() for buffer in buffers])
