"""Where the time of a training step goes."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch

from .step import StepBenchmark
from .timing import Spread, spread

# What is timed by itself, and the whole that it is a part of.
_INSIDE = {
    'host to device': 'normalise',
    'target forward': 'online forward',
    'loss': 'online forward',
}


class Stopwatch:
    """Adds up the time that methods of objects take while it watches them.

    Args:
        device (str): its work is waited for before and after each call, so
            that a timed step is slower than one that nobody watches.
    """

    def __init__(self, device: str) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._device = torch.device(device)
        self._running: set[str] = set()

    @contextmanager
    def watch(self, owner: Any, method: str, label: str) -> Iterator[None]:
        """Time the calls of a method of one object.

        Args:
            owner (Any): the object; its attribute is replaced for the time.
            method (str): name of the method.
            label (str): key in ``seconds``.
        """
        original = getattr(owner, method)

        def timed(*args: Any, **kwargs: Any) -> Any:
            if label in self._running:  # cast_data calls itself
                return original(*args, **kwargs)
            self._running.add(label)
            start = self._now()
            result = original(*args, **kwargs)
            self.seconds[label] += self._now() - start
            self._running.remove(label)
            return result

        setattr(owner, method, timed)
        try:
            yield
        finally:
            delattr(owner, method)

    def _now(self) -> float:
        if self._device.type == 'cuda':
            torch.cuda.synchronize(self._device)
        return time.perf_counter()


def step_phases(
    step: StepBenchmark,
    repeats: int,
    next_batch: Callable[[], dict] | None = None,
) -> dict[str, Spread]:
    """Seconds of each part of a training step, in the order they run.

    Args:
        step (StepBenchmark): has run before, and is not replayed.
        repeats (int): steps to watch.
        next_batch (Callable, optional): gives a batch of a data loader; the
            time it takes is 'data wait'. Defaults to None: no such part.

    Returns:
        dict[str, Spread]: 'data wait', 'EMA', 'host to device', 'normalise',
        'target forward', 'online forward', 'loss', 'backward', 'optimizer'.
    """
    parts = _parts_of(step)
    rounds: dict[str, list[float]] = defaultdict(list)
    for _ in range(repeats):
        watch = Stopwatch(step.device)
        start = time.perf_counter()
        if next_batch is not None:
            step.batch = next_batch()
            rounds['data wait'].append(time.perf_counter() - start)
        with ExitStack() as stack:
            for owner, method, label in parts:
                stack.enter_context(watch.watch(owner, method, label))
            step.run()
        seconds = dict(watch.seconds)
        for part, whole in _INSIDE.items():
            seconds[whole] -= seconds[part]
        for label in dict.fromkeys(label for *_, label in parts):
            rounds[label].append(seconds[label])
    return {label: spread(times) for label, times in rounds.items()}


def _parts_of(step: StepBenchmark) -> list[tuple[Any, str, str]]:
    """Owner, method and label of each part, in the order they run."""
    model, wrapper = step.model, step.optim_wrapper
    return [
        (model, 'update_target', 'EMA'),
        (model.data_preprocessor, 'cast_data', 'host to device'),
        (model.data_preprocessor, 'forward', 'normalise'),
        (model.target, 'encode', 'target forward'),
        (model, 'loss', 'online forward'),
        (model.head, 'loss', 'loss'),
        (wrapper, 'backward', 'backward'),
        (wrapper, 'step', 'optimizer'),
        (wrapper, 'zero_grad', 'optimizer'),
    ]
