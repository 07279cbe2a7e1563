"""Several steps measured in turn, so that noise disturbs all alike."""

from collections.abc import Sequence
from typing import Protocol

import torch

from .timing import Spread, matmul_rate, seconds, spread

MATMUL_SIZE = {'cpu': 2048, 'cuda': 8192}


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
        self.times: dict[str, list[float]] = {n: [] for n in self.images}
        self.rates: list[float] = []
        size = MATMUL_SIZE[torch.device(device).type]
        for _ in range(repeats):
            self.rates.append(matmul_rate(device, dtype, size))
            for each in contenders:
                self.times[each.name].append(seconds(each.run, device))

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
