"""Times steps against the machine's own matrix-product speed."""

import statistics
import time
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import torch

from ..environment.hardware import peak_host_memory

MATMUL_SIZE = {'cpu': 2048, 'cuda': 8192}
_PRODUCTS = 5  # back to back in a timed region


class Spread(NamedTuple):
    """Median, lowest and highest of repeated measurements."""

    median: float
    low: float
    high: float


def spread(values: list[float]) -> Spread:
    """Summarise repeated measurements."""
    return Spread(statistics.median(values), min(values), max(values))


def ratio(numbers: Iterable[float], others: Iterable[float]) -> Spread:
    """Spread of what two measurements give, one over the other, by round."""
    return spread([a / b for a, b in zip(numbers, others, strict=True)])


def seconds(run: Callable[[], object], device: str) -> float:
    """Wall time of one call, the device's work included."""
    cuda = torch.device(device).type == 'cuda'
    if cuda:
        torch.cuda.synchronize(device)
    start = time.perf_counter()
    run()
    if cuda:
        torch.cuda.synchronize(device)
    return time.perf_counter() - start


def timed(run: Callable[[], object], device: str, repeats: int) -> Spread:
    """Seconds of a call, over so many of them."""
    return spread([seconds(run, device) for _ in range(repeats)])


def in_turn(
    runs: Mapping[str, Callable[[], object]],
    device: str,
    rounds: int,
    prepare: Mapping[str, Callable[[], object]] | None = None,
) -> dict[str, list[float]]:
    """Seconds of several calls, one of each a round.

    Whatever else the machine does slows them alike, so that ratios formed
    round by round hold on a busy machine.

    Args:
        runs (Mapping[str, Callable]): by name; each has run before.
        device (str): 'cpu' or 'cuda'.
        rounds (int): how often each is timed.
        prepare (Mapping[str, Callable], optional): what is called before
            each timed call of that name, itself untimed.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            if prepare and name in prepare:
                prepare[name]()
            times[name].append(seconds(run, device))
    return times


def matmul(
    device: str, dtype: torch.dtype, size: int
) -> tuple[Callable[[], None], int]:
    """Square matrix products to be timed, and the FLOP of one call."""
    left = torch.randn(size, size, device=device).to(dtype)
    right = torch.randn(size, size, device=device).to(dtype)

    def products() -> None:
        for _ in range(_PRODUCTS):
            torch.mm(left, right)

    products()
    return products, _PRODUCTS * 2 * size**3


def peak_memory(device: str) -> int:
    """Bytes that the process held at most, on the GPU or on the host.

    On a GPU what torch reserved; measuring a step's memory begins anew, but
    with what is reserved then.
    """
    if torch.device(device).type == 'cuda':
        return torch.cuda.max_memory_reserved(device)
    return peak_host_memory()
