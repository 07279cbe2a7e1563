"""Memory that a training step takes on top of weights and moments."""

import weakref
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


def step_memory(run: Callable[[], object], device: str) -> int:
    """Bytes that one step needs at its peak, beyond what it found allocated.

    On CUDA this is what the allocator reports. On a CPU, whose allocator
    reports nothing, the storages that are alive at once are added up, which
    leaves out the workspaces inside of kernels.

    Args:
        run (Callable): one training step; it has run before, so that moments
            and the like exist.
        device (str): 'cpu' or 'cuda'.
    """
    if torch.device(device).type == 'cuda':
        torch.cuda.synchronize(device)
        before = torch.cuda.memory_allocated(device)
        torch.cuda.reset_peak_memory_stats(device)
        run()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    with LiveStorages() as live:
        run()
    return live.peak


def static_memory(*owners: Any) -> int:
    """Bytes of weights, buffers and optimizer state, counted once each."""
    storages = {
        leaf.untyped_storage().data_ptr(): leaf.untyped_storage().nbytes()
        for owner in owners
        for leaf in _tensors(owner)
    }
    return sum(storages.values())


def _tensors(owner: Any) -> list[Tensor]:
    if isinstance(owner, torch.nn.Module):
        return [*owner.parameters(), *owner.buffers()]
    leaves = tree_leaves([*owner.state.values()])
    return [leaf for leaf in leaves if isinstance(leaf, Tensor)]


class LiveStorages(TorchDispatchMode):
    """Adds up the storages that operations create while they are alive.

    Attributes:
        peak (int): most bytes alive at once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = 0
        self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Run the operation, then count what it created."""
        known = {
            leaf.untyped_storage()._cdata
            for leaf in tree_leaves((args, kwargs))
            if isinstance(leaf, Tensor)
        }
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor):
                self._count(leaf, known)
        return result

    def _count(self, tensor: Tensor, inputs: set[int]) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in inputs or key in self._known:  # a view, or in place
            return
        size = storage.nbytes()
        self._known.add(key)
        self.live += size
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._forget, key, size)

    def _forget(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.live -= size
