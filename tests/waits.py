"""Notices operations at which a host would wait for a GPU."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode

READS = {
    '_local_scalar_dense',  # item(), bool(), float(), int()
    'is_nonzero',
    'equal',
    'nonzero',
    'masked_select',
    '_unique2',
    'bincount',
    'repeat_interleave',
    '_linalg_eigh',  # reports to the host whether it converged
}


def _indexes_by_mask(name, args):
    """x[mask], whose shape depends on the mask, and what writes there."""
    if name not in {'index', 'index_put', 'index_put_'}:
        return False
    return any(i is not None and i.dtype == torch.bool for i in args[1])


class WaitsSeen(TorchDispatchMode):
    """Lists the operations at which a host would wait for a GPU.

    With a device, reads of tensors elsewhere do not count: in a run on a CPU
    they all lie there.
    """

    def __init__(self, device=None):
        super().__init__()
        self.device = device
        self.waits = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = func.overloadpacket.__name__
        reads = name in READS or _indexes_by_mask(name, args)
        if reads and self.device in (None, args[0].device.type):
            self.waits.append(name)
        result = func(*args, **kwargs)
        if name == '_to_copy':
            source, asynchronous = args[0], kwargs.get('non_blocking')
        elif name == 'copy_':
            source, asynchronous = args[1], args[2:] == (True,)
        else:
            return result
        if source.device != result.device and not asynchronous:
            self.waits.append(f'{name} to {result.device}')
        return result
