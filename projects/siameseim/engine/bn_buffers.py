"""BatchNorm statistics that a skipped step must not have changed."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class BatchNormSnapshot:
    """Running statistics of a model as they were before a forward pass.

    A batch that is not finite breaks them before anybody can know. They are
    copied on the device, a few thousand numbers, and put back there.

    Args:
        model (nn.Module): the training model, wrapped or not.
    """

    def __init__(self, model: nn.Module) -> None:
        self._buffers = [
            buffer
            for module in model.modules()
            if isinstance(module, _BatchNorm)
            for buffer in module.buffers()
        ]
        self._kept = [buffer.clone() for buffer in self._buffers]

    @torch.no_grad()
    def take(self) -> None:
        """Copy the statistics as they are now."""
        if self._buffers:
            torch._foreach_copy_(self._kept, self._buffers)

    @torch.no_grad()
    def restore_where(self, skipped: Tensor) -> None:
        """Put the copy back if ``skipped``, without asking the device.

        Args:
            skipped (Tensor): bool scalar.
        """
        for buffer, kept in zip(self._buffers, self._kept, strict=True):
            buffer.copy_(torch.where(skipped, kept, buffer))
