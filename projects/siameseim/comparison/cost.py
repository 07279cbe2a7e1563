"""What a training step of any method costs."""

import statistics
from collections.abc import Mapping
from functools import partial
from typing import Any

from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch.utils.data import DataLoader

from ..benchmark.timing import in_turn
from ..engine.flops import move_target, step_flops
from ..engine.host_memory import keep_freed_memory

Batch = dict[str, Any]


def gflops_per_image(model: BaseModel, batch: Batch) -> float:
    """``step_flops`` of a batch, divided by its images.

    Returns:
        float: 1e9 floating-point operations an image; a multiply-add is two.
    """
    return step_flops(model, batch) / batch_size(batch) / 1e9


def batch_size(batch: Batch) -> int:
    """Images of a batch of one or several views."""
    inputs = batch['inputs']
    return len(inputs[0] if isinstance(inputs, list | tuple) else inputs)


def first_batch(loader: DataLoader) -> Batch:
    """A batch of the training that costs it no random number."""
    images = [loader.dataset[i] for i in range(loader.batch_size or 1)]
    return loader.collate_fn(images)


def interleaved_seconds(
    steps: Mapping[str, tuple[BaseModel, OptimWrapper, Batch]],
    rounds: int = 5,
) -> dict[str, float]:
    """Seconds that training takes an image, of several methods in turn.

    Their ratios hold on a busy machine, where wall times of whole runs do
    not.

    Args:
        steps (Mapping[str, tuple]): model, optimizer wrapper and one batch
            by name of the method; all models on one device.
        rounds (int): timed steps of each, after one untimed. Defaults to 5.

    Returns:
        dict[str, float]: median over the rounds, by name, divided by the
        images of the method's batch.
    """
    runs = {name: partial(_train_step, *step) for name, step in steps.items()}
    model, *_ = next(iter(steps.values()))
    device = next(model.parameters()).device.type
    if device == 'cpu':
        keep_freed_memory()  # as the runs of all rows do
    in_turn(runs, device, 1)
    times = in_turn(runs, device, rounds)
    return {
        name: statistics.median(t) / batch_size(steps[name][2])
        for name, t in times.items()
    }


def _train_step(
    model: BaseModel, optim_wrapper: OptimWrapper, batch: Batch
) -> None:
    move_target(model)
    model.train_step(batch, optim_wrapper)
