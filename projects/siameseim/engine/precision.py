"""Which arithmetic the forward pass runs in."""

import torch

from ..environment.hardware import BF16_FLAGS, cpu_flags
from ..errors import InputError
from ..log import tell

PRECISIONS = ('auto', 'bf16', 'fp32')


def has_fast_bf16(device_type: str) -> bool:
    """Whether bf16 matrix products run in hardware on this device.

    As on CUDA cards of compute capability 8.0 or newer and on CPUs with
    AVX512-BF16, AMX or Arm bf16. Elsewhere it is emulated, slower than fp32.
    """
    if device_type == 'cuda':
        # not `is_bf16_supported()`, which counts emulation too
        return torch.cuda.get_device_capability() >= (8, 0)
    if device_type == 'cpu':
        return not cpu_flags().isdisjoint(BF16_FLAGS)
    return False


def use_bf16(precision: str, device_type: str) -> bool:
    """Decide between bf16 autocast and plain fp32.

    Args:
        precision (str): 'auto' (bf16 where the hardware has it), 'bf16' or
            'fp32'.
        device_type (str): type of the device the model is on.

    Returns:
        bool: whether to run the forward pass under bf16 autocast.

    Raises:
        InputError: if ``precision`` is none of the three.
    """
    if precision not in PRECISIONS:
        raise InputError(
            f'precision must be one of {PRECISIONS}, but got {precision!r}'
        )
    if precision != 'auto':
        return precision == 'bf16'
    found = has_fast_bf16(device_type)
    tell(
        f'precision auto: {"bf16 autocast" if found else "fp32"} '
        f'({device_type} {"has" if found else "lacks"} bf16 instructions)'
    )
    return found
