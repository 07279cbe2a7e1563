"""Memory of training on a CPU, kept from one step to the next."""

import ctypes
import os
import sys

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from .at_end import when_training_ends
from .unwrap import unwrapped

# Numbers of the settings in glibc's malloc.h.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
_KEEP = {_MMAP_MAX: 0, _TRIM_THRESHOLD: -1}
# What glibc arrives at by itself once larger tensors were freed.
_GIVE_BACK = {
    _MMAP_MAX: 65536,
    _MMAP_THRESHOLD: 32 * 2**20,
    _TRIM_THRESHOLD: 64 * 2**20,
}
# The same in the environment, as MALLOC_... and in GLIBC_TUNABLES.
_NAMES = ('MMAP_MAX', 'MMAP_THRESHOLD', 'TRIM_THRESHOLD')


def keep_freed_memory(keep: bool = True) -> bool:
    """Tell the C library whether to keep memory that is freed.

    By default glibc takes each tensor of more than 32 MiB from the kernel
    anew, and gives back what lies free at the end of its heap; the kernel
    fills all of it with zeros again, page by page. Kept, it is there for the
    next tensor: the process holds its peak until it is told otherwise.
    Settings of the environment (such as ``MALLOC_TRIM_THRESHOLD_``) stand.

    Args:
        keep (bool): False for what glibc does by default once larger tensors
            were freed; free memory is given back at once. Defaults to True.

    Returns:
        bool: whether it was told, which glibc alone can be.
    """
    if sys.platform != 'linux' or _told_by_user():
        return False
    libc = ctypes.CDLL(None)
    if not hasattr(libc, 'mallopt'):
        return False
    settings = _KEEP if keep else _GIVE_BACK
    told = [libc.mallopt(name, value) for name, value in settings.items()]
    if not keep:
        libc.malloc_trim(0)
    return all(told)


def _told_by_user() -> bool:
    """Whether the environment says what becomes of freed memory."""
    tunables = os.environ.get('GLIBC_TUNABLES', '')
    return any(
        f'MALLOC_{name}_' in os.environ or name.lower() in tunables
        for name in _NAMES
    )


@HOOKS.register_module()
class KeepMemoryHook(Hook):
    """Keep freed memory while a model trains on a CPU.

    See ``keep_freed_memory``; processes forked meanwhile, such as workers of
    data loaders, do as well.
    """

    def __init__(self, enabled: bool = True) -> None:
        self.enabled = enabled
        self._keeps = False

    def before_run(self, runner: Runner) -> None:
        """Give it back once training ends: a notebook goes on."""
        when_training_ends(runner, self._give_back)

    def before_train(self, runner: Runner) -> None:
        """Keep it from the first step on, if the model is on a CPU."""
        device = next(unwrapped(runner.model).parameters()).device
        on_cpu = device.type == 'cpu'
        self._keeps = self.enabled and on_cpu and keep_freed_memory()
        if self._keeps:
            runner.logger.info(
                'memory that a step frees is kept for the next one '
                '(default_hooks.memory.enabled=False gives it back)'
            )

    def _give_back(self) -> None:
        if self._keeps:
            keep_freed_memory(False)
        self._keeps = False
