"""Replays training steps as CUDA graphs where that is possible."""

from typing import Literal

import torch
from mmengine.dist import is_distributed
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from ..errors import InputError
from ..models import SiameseIM
from .step_graph import replay_steps
from .unwrap import unwrapped


@HOOKS.register_module()
class StepGraphHook(Hook):
    """Launch forward and backward pass of a step as two CUDA graphs.

    Args:
        enabled (bool | str): whether to; 'auto' does on one GPU, unless the
            run accumulates gradients or recomputes activations.
            Defaults to 'auto'.

    Raises:
        ValueError: if ``enabled`` is another text.
    """

    def __init__(self, enabled: bool | Literal['auto'] = 'auto') -> None:
        if enabled not in (True, False, 'auto'):
            raise ValueError(
                f"StepGraphHook: enabled must be True, False or 'auto', not "
                f'{enabled!r}'
            )
        self.enabled = enabled

    def before_train(self, runner: Runner) -> None:
        """Prepare the model; the first step records the graphs.

        Raises:
            InputError: if it was asked for and cannot be done.
        """
        if not self.enabled:
            return
        model = unwrapped(runner.model)
        reason = _hindrance(model, runner.optim_wrapper.accumulation)
        if reason is None:
            replay_steps(model)
        elif self.enabled is True:
            raise InputError(f'default_hooks.graph.enabled=True, but {reason}')


def _hindrance(model: SiameseIM, accumulation: int) -> str | None:
    """Why the steps of a run cannot be replayed; None if they can."""
    if not torch.cuda.is_available():
        return 'there is no GPU that torch can use'
    if is_distributed():
        return 'it is for runs of one process'
    if accumulation > 1:
        return (
            'replayed steps cannot accumulate gradients: set '
            'optim_wrapper.accumulative_counts=1'
        )
    if any(getattr(m, 'with_cp', False) for m in model.modules()):
        return 'with_cp=True recomputes what a graph would replay'
    return None
