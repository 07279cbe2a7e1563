"""What a training step of any method costs."""

import copy
import statistics
import time
from collections.abc import Mapping
from typing import Any

import torch
from mmengine.model import BaseModel
from mmengine.optim import OptimWrapper
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ..engine.rng_state import get_rng_state, set_rng_state
from ..models import SiameseIM

Batch = dict[str, Any]


def gflops_per_image(model: BaseModel, batch: Batch) -> float:
    """Matrix products of one training step, forward and backward.

    Attention is counted as plain products, as in ``StepBenchmark.flops``.
    A copy of the model is measured: the original, its BatchNorm statistics
    and the random generators stay as they are.

    Args:
        model (BaseModel): of any method.
        batch (dict): from its data loader.

    Returns:
        float: 1e9 floating-point operations an image; a multiply-add is two.
    """
    state = get_rng_state()
    model = copy.deepcopy(model).train()
    _move_target(model)
    counter = FlopCounterMode(display=False)
    with sdpa_kernel(SDPBackend.MATH), counter:
        data = model.data_preprocessor(batch, True)
        losses = model(data['inputs'], data['data_samples'], mode='loss')
        loss, _ = model.parse_losses(losses)
        loss.backward()
    set_rng_state(state)
    return counter.get_total_flops() / batch_size(batch) / 1e9


def batch_size(batch: Batch) -> int:
    """Images of a batch of one or several views."""
    inputs = batch['inputs']
    return len(inputs[0] if isinstance(inputs, list | tuple) else inputs)


def interleaved_seconds(
    steps: Mapping[str, tuple[BaseModel, OptimWrapper, Batch]],
    rounds: int = 5,
) -> dict[str, float]:
    """Median seconds of a training step of several methods, in turn.

    Each round takes one step of each method, so that whatever else the
    machine does slows them alike: the ratios hold on a busy machine, where
    wall times of whole runs do not.

    Args:
        steps (Mapping[str, tuple]): model, optimizer wrapper and one batch
            by name of the method.
        rounds (int): timed steps of each, after one untimed. Defaults to 5.
    """
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds + 1):
        for name, (model, optim_wrapper, batch) in steps.items():
            _synchronize()
            start = time.perf_counter()
            _move_target(model)
            model.train_step(batch, optim_wrapper)
            _synchronize()
            times[name].append(time.perf_counter() - start)
    return {name: statistics.median(t[1:]) for name, t in times.items()}


def _synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _move_target(model: BaseModel) -> None:
    """What ``MomentumTargetHook`` does; MoCo v3 does it in its loss."""
    if isinstance(model, SiameseIM):
        model.update_target(0.99)
