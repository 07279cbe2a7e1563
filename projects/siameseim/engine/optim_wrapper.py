"""The optimizer wrapper: autocast and gradient clipping without stalls."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from mmengine.optim import OptimWrapper
from mmpretrain.registry import OPTIM_WRAPPERS
from torch import Tensor, nn

from .precision import use_bf16


@OPTIM_WRAPPERS.register_module()
class AutocastOptimWrapper(OptimWrapper):
    """Stock wrapper plus bf16 autocast on any device and lazy gradient norm.

    The stock ``AmpOptimWrapper`` refuses to run on a CPU, and the stock
    clipping reads the norm back to the host at every step, which makes a GPU
    wait. Here the norm stays a tensor until a log line needs it. bf16 has the
    range of fp32, so there is no loss scaling.

    A step whose gradient norm is not finite changes no weight where the
    optimizer is fused; ``LazyRuntimeInfoHook`` counts and reports such steps.

    Args:
        precision (str): 'auto', 'bf16' or 'fp32'. Defaults to 'auto'.
        **kwargs: as for ``mmengine.optim.OptimWrapper``.
    """

    def __init__(self, precision: str = 'auto', **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.precision = precision
        self.grad_norm: Tensor | None = None
        self._bf16: bool | None = None

    @property
    def accumulation(self) -> int:
        """Training iterations that make one optimizer step."""
        return self._accumulative_counts

    @contextmanager
    def optim_context(self, model: nn.Module) -> Iterator[None]:
        """Enter autocast and, while accumulating, skip gradient all-reduce.

        Args:
            model (nn.Module): the training model, wrapped or not.
        """
        device_type = next(model.parameters()).device.type
        if self._bf16 is None:
            self._bf16 = use_bf16(self.precision, device_type)
        autocast = torch.autocast(
            device_type, dtype=torch.bfloat16, enabled=self._bf16
        )
        with super().optim_context(model), autocast:
            yield

    def _clip_grad(self) -> None:
        """Clip to the allowed norm; keep the norm before clipping."""
        params = [
            param
            for group in self.optimizer.param_groups
            for param in group['params']
            if param.grad is not None
        ]
        norm = self.clip_func(params, **self.clip_grad_kwargs)
        if norm is None:  # clipping by value computes no norm
            return
        self.grad_norm = norm.detach()
        if self.optimizer.defaults.get('fused'):
            # The kernel reads this flag on the device, as it does for a
            # GradScaler, and leaves weights and moments alone if it is 1.
            self.optimizer.found_inf = (~torch.isfinite(norm)).float()
