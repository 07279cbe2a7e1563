"""Fused optimizers as torch has them for Apple's GPUs, on a CPU.

Read in FusedSgdKernel.mm and FusedAdamWKernelImpl.mm of PyTorch.
"""

import torch
from torch import Tensor


class OnApple(Tensor):
    """A tensor of the CPU that says it is on an Apple GPU."""

    device = torch.device('mps')


def kernels_of_apple(monkeypatch):
    """SGD refuses the flag that a step is left out, AdamW ignores it."""
    sgd, adamw = torch._fused_sgd_, torch._fused_adamw_

    def refuse(*args, found_inf=None, **kwargs):
        if found_inf is not None:
            raise RuntimeError('found_inf is not supported on MPS')
        sgd(*args, found_inf=None, **kwargs)

    def ignore(*args, found_inf=None, **kwargs):
        adamw(*args, found_inf=None, **kwargs)

    monkeypatch.setattr(torch, '_fused_sgd_', refuse)
    monkeypatch.setattr(torch, '_fused_adamw_', ignore)
