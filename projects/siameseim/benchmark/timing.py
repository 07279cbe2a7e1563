"""Times steps against the machine's own matrix-product speed."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

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
    runs: Mapping[str, Callable[[], object]], device: str, rounds: int
) -> dict[str, list[float]]:
    """Seconds of several calls, one of each a round.

    Whatever else the machine does slows them alike, so that ratios formed
    round by round hold on a busy machine.

    Args:
        runs (Mapping[str, Callable]): by name; each has run before.
        device (str): 'cpu' or 'cuda'.
        rounds (int): how often each is timed.
    """
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(seconds(run, device))
    return times


def matmul(
    device: str, dtype: torch.dtype, size: int
) -> tuple[Callable[[], None], int]:
    """Square matrix products to be timed, and the FLOP of one call.

    Args:
        device (str): 'cpu' or 'cuda'.
        dtype (torch.dtype): of both factors.
        size (int): rows and columns.
    """
    left = torch.randn(size, size, device=device).to(dtype)
    right = torch.randn(size, size, device=device).to(dtype)

    def products() -> None:
        for _ in range(_PRODUCTS):
            torch.mm(left, right)

    products()
    return products, _PRODUCTS * 2 * size**3


class Contender(Protocol):
    """What can be timed: ``run`` is one training step."""

    name: str
    batch_size: int

    def run(self) -> None:
        """One optimizer step."""


class Rounds:
    """Times of steps and of matrix products, round by round.

    Args:
        contenders (Sequence[Contender]): measured in this order in each round;
            each has run before.
        device (str): 'cpu' or 'cuda'.
        dtype (torch.dtype): of the matrix product.
        repeats (int): number of rounds.

    Attributes:
        times (dict[str, list[float]]): seconds of each contender's steps.
        rates (list[float]): FLOP/s of a large matrix product.
    """

    def __init__(
        self,
        contenders: Sequence[Contender],
        device: str,
        dtype: torch.dtype,
        repeats: int,
    ) -> None:
        self.images = {each.name: each.batch_size for each in contenders}
        size = MATMUL_SIZE[torch.device(device).type]
        products, flops = matmul(device, dtype, size)
        runs = {each.name: each.run for each in contenders}
        self.times = in_turn({'matmul': products, **runs}, device, repeats)
        self.rates = [flops / t for t in self.times.pop('matmul')]

    def seconds_per_step(self, name: str) -> Spread:
        """Of one contender."""
        return spread(self.times[name])

    def images_per_second(self, name: str) -> Spread:
        """Of one contender."""
        return spread([self.images[name] / t for t in self.times[name]])

    def speed_up(self, name: str, over: str) -> Spread:
        """Images a second of ``name`` over those of ``over``, by round."""
        share = self.images[name] / self.images[over]
        return spread(
            [
                share * other / own
                for own, other in zip(
                    self.times[name], self.times[over], strict=True
                )
            ]
        )

    def matmul_tflops(self) -> Spread:
        """Speed of the matrix product in TFLOP/s."""
        return spread([rate / 1e12 for rate in self.rates])

    def share_of_matmul(self, name: str, flops: int) -> Spread:
        """Model FLOP/s of ``name`` over those of the matrix product."""
        return spread(
            [
                flops / time / rate
                for time, rate in zip(
                    self.times[name], self.rates, strict=True
                )
            ]
        )


def peak_memory(device: str) -> int:
    """Bytes that the process held at most, on the GPU or on the host.

    On a GPU what torch reserved; measuring a step's memory begins anew, but
    with what is reserved then.
    """
    if torch.device(device).type == 'cuda':
        return torch.cuda.max_memory_reserved(device)
    return peak_host_memory()
