"""What vendors state that a device can do, and what it is called."""

import re
from pathlib import Path

import torch

# Dense peak of bf16 matrix products in TFLOP/s, from the vendors' data
# sheets (without sparsity). The first pattern that is found counts.
_BF16_TFLOPS = (
    (r'B200', 2250.0),
    (r'H200', 989.0),
    (r'H100.*(PCIe|NVL)', 756.0),
    (r'H100|GH200', 989.0),
    (r'A100|A800', 312.0),
    (r'L40S', 362.0),
    (r'L4\b', 121.0),
    (r'A40\b', 149.7),
    (r'A10\b', 125.0),
    (r'RTX 4090', 165.2),
    (r'RTX 3090', 71.0),
    (r'MI300X', 1307.0),
    (r'MI250', 383.0),
)


def device_name(device: str) -> str:
    """Model name of a GPU, or of the first CPU and the number of cores."""
    if torch.device(device).type == 'cuda':
        return torch.cuda.get_device_name(device)
    cpuinfo = Path('/proc/cpuinfo')
    text = cpuinfo.read_text() if cpuinfo.exists() else ''
    found = re.search(r'^model name\s*:\s*(.+)$', text, re.MULTILINE)
    name = found.group(1).strip() if found else 'unknown CPU'
    return f'{name}, {torch.get_num_threads()} threads'


def datasheet_tflops(name: str) -> float | None:
    """Stated dense bf16 peak in TFLOP/s; None for devices not listed.

    CPUs are not listed: their peak depends on the clock under load.
    """
    for pattern, peak in _BF16_TFLOPS:
        if re.search(pattern, name):
            return peak
    return None
