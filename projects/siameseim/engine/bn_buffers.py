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
        buffers = [
            buffer
            for module in model.modules()
            if isinstance(module, _BatchNorm)
            for buffer in module.buffers()
        ]
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
        """Put the copy back if ``skipped``, without asking the device.

        Args:
            skipped (Tensor): bool scalar.
        """
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
