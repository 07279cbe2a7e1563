"""Times steps against the machine's own matrix-product speed."""

import resource
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

import torch


class Spread(NamedTuple):
    """Median, lowest and highest of repeated measurements."""

    median: float
    low: float
    high: float


def spread(values: list[float]) -> Spread:
    """Summarise repeated measurements."""
    return Spread(statistics.median(values), min(values), max(values))


def seconds(function: Callable[[], object], device: str) -> float:
    """Wall time of one call, the device's work included."""
    cuda = torch.device(device).type == 'cuda'
    if cuda:
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    function()
    if cuda:
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def matmul_rate(
    device: str, dtype: torch.dtype, size: int, repeats: int = 5
) -> float:
    """FLOP/s of a square matrix product, repeated back to back.

    Args:
        device (str): 'cpu' or 'cuda'.
        dtype (torch.dtype): of both factors.
        size (int): rows and columns.
        repeats (int): products in the timed region. Defaults to 5.
    """
    left = torch.randn(size, size, device=device).to(dtype)
    right = torch.randn(size, size, device=device).to(dtype)
    torch.mm(left, right)

    def products() -> None:
        for _ in range(repeats):
            torch.mm(left, right)

    return repeats * 2 * size**3 / seconds(products, device)


def peak_memory(device: str) -> int:
    """Bytes that the process held at most, on the GPU or on the host.

    On a GPU what torch reserved; measuring a step's memory begins anew, but
    with what is reserved then.
    """
    if torch.device(device).type == 'cuda':
        return torch.cuda.max_memory_reserved(device)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
