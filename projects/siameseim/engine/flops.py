"""How many operations a step takes, and what share of the hardware it uses."""

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from ..models import SiameseIM
from ..rng_state import rng_kept
from .devices import datasheet_tflops, device_name
from .log_line import line_length, log_is_due
from .unwrap import unwrapped


@HOOKS.register_module()
class FlopsHook(Hook):
    """Log the matrix products that a device makes a second, as ``tflops``.

    Those of an image, forward and backward, are counted in the first
    iteration on a copy of the model, without what is computed again in the
    backward pass. ``mfu`` (model FLOPs utilisation) is their share of the
    device's dense bf16 peak by its data sheet, for runs under bf16 on a
    device whose peak is known (no CPU's is), and stands in the line too.
    Other methods than SiameseIM are not counted.
    """

    def before_train(self, runner: Runner) -> None:
        """Nothing is counted yet."""
        self._per_image: float | None = None
        name = device_name(str(next(runner.model.parameters()).device))
        bf16 = getattr(runner.optim_wrapper, 'bf16', False)
        self._peak = datasheet_tflops(name) if bf16 else None

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None
    ) -> None:
        """Count the first images of the first batch."""
        if self._per_image is None:
            self._per_image = _counted(runner, data_batch)

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Add the speed to a log line that is due."""
        if not self._per_image or not log_is_due(runner):
            return
        hub = runner.message_hub
        seconds = hub.get_scalar('train/time').mean(line_length(runner))
        images = runner.train_dataloader.batch_size
        tflops = self._per_image * images / seconds / 1e12
        hub.update_scalar('train/tflops', tflops)
        if self._peak is not None:
            hub.update_scalar('train/mfu', tflops / self._peak)


def _counted(runner: Runner, batch: Any) -> float:
    """Operations an image; 0 of other methods, or if the loss fails.

    Then the step, which comes next, fails too and says where, while mmengine
    would say that the hook did.
    """
    model = unwrapped(runner.model)
    if not isinstance(model, SiameseIM):
        return 0.0
    try:
        return flops_an_image(model, batch, runner.optim_wrapper.autocast())
    except Exception:
        runner.logger.warning('FLOPs were not counted', exc_info=True)
        return 0.0


def flops_an_image(
    model: SiameseIM, batch: dict[str, Any], context: AbstractContextManager
) -> float:
    """``step_flops`` of two images, divided by them.

    Args:
        model (SiameseIM): compiled or not.
        batch (dict): from its data loader; two of its images are used.
        context (AbstractContextManager): of the forward pass.
    """
    inputs = [view[:2] for view in batch['inputs']]
    samples = {name: x[:2] for name, x in batch['data_samples'].items()}
    two = dict(inputs=inputs, data_samples=samples)
    return step_flops(model, two, context) / len(inputs[0])


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
