"""What the processor and the driver of this machine offer."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

# Instructions that make bf16 arithmetic faster than fp32 on a CPU, by the
# names Linux gives them (the last is Arm's).
BF16_FLAGS = ('amx_bf16', 'avx512_bf16', 'bf16')


def cpu_flags(cpuinfo: Path = Path('/proc/cpuinfo')) -> set[str]:
    """Return the feature names of the first CPU; none where unknown."""
    if not cpuinfo.is_file():
        return set()
    for line in cpuinfo.read_text('utf-8').splitlines():
        name, _, value = line.partition(':')
        if name.strip() in ('flags', 'Features'):
            return set(value.split())
    return set()


def usable_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, 'sched_getaffinity'):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def peak_host_memory() -> int:
    """Return the bytes this process held at most; 0 on Windows, untold."""
    try:
        import resource
    except ModuleNotFoundError:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == 'darwin' else 1024 * peak


def has_nvidia_driver() -> bool:
    """Whether an NVIDIA driver is installed, whatever torch makes of it."""
    return shutil.which('nvidia-smi') is not None


def unused_gpu(cuda_available: bool) -> str | None:
    """Return that torch does not see this machine's GPU, or None."""
    hidden = os.environ.get('CUDA_VISIBLE_DEVICES') in ('', '-1')
    if cuda_available or hidden or not has_nvidia_driver():
        return None
    return (
        'this runs on the CPU, though there is an NVIDIA driver: torch cannot '
        'use the GPU (`python tools/doctor.py` and `nvidia-smi` say which '
        'CUDA each of them has; set CUDA_VISIBLE_DEVICES= if it is meant so)'
    )
