"""Counts the floating-point operations of a training step."""

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from mmengine.model import BaseModel
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ..checkpoints.rng_state import rng_kept
from ..models import SiameseIM


def step_flops(
    model: BaseModel,
    batch: dict[str, Any],
    context: AbstractContextManager | None = None,
) -> int:
    """Floating-point operations of the matrix products of one step.

    Without those of blocks that are recomputed in the backward pass, which
    are no progress. Counted on a copy: the model, its BatchNorm statistics
    and the random generators stay as they are. The copy is neither compiled
    nor replayed, as modules leave that behind when they are copied.

    Args:
        model (BaseModel): of any method.
        batch (dict): from its data loader.
        context (AbstractContextManager, optional): of the forward pass, as
            autocast. Defaults to None.
    """
    model = copy.deepcopy(model).train()
    for module in model.modules():
        if getattr(module, 'with_cp', False):
            module.with_cp = False

    def backpropagate() -> None:
        move_target(model)
        with context or nullcontext():
            data = model.data_preprocessor(batch, True)
            losses = model(**data, mode='loss')
        loss, _ = model.parse_losses(losses)
        loss.backward()

    with rng_kept():
        return count_flops(backpropagate)


def move_target(model: BaseModel) -> None:
    """What ``MomentumTargetHook`` does, without which SiameseIM refuses.

    Other methods have no such hook: they move theirs in the loss.
    """
    if isinstance(model, SiameseIM):
        model.update_target(0.996)


def count_flops(run: Callable[[], object]) -> int:
    """Floating-point operations of the matrix products of a function.

    Attention is counted as plain products: the counter does not know the
    CPU's fused kernel, and a kernel's recomputation is no progress. Compiled
    blocks cannot be counted.
    """
    counter = FlopCounterMode(display=False)
    with sdpa_kernel(SDPBackend.MATH), counter:
        run()
    return counter.get_total_flops()
