"""What torch has for Apple's GPUs, on a CPU.

Read in FusedSgdKernel.mm and FusedAdamWKernelImpl.mm of PyTorch.
"""

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class OnApple(Tensor):
    """A tensor of the CPU that says it is on an Apple GPU."""

    device = torch.device('mps')


class CopiesToApple(TorchFunctionMode):
    """What goes to an Apple GPU stays here.

    ``waited_for`` holds, of each, whether the host waited for its copy.
    """

    def __init__(self):
        super().__init__()
        self.waited_for = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func is Tensor.to and OnApple.device in (*args, *kwargs.values()):
            self.waited_for.append(not kwargs.get('non_blocking'))
            return args[0].as_subclass(OnApple)
        return func(*args, **kwargs)


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
