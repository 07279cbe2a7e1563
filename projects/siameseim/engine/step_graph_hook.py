"""Replays training steps as CUDA graphs where that is possible."""

from typing import Literal

import torch
from mmengine.dist import is_distributed
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import nn

from ..errors import InputError
from ..models import SiameseIM
from .at_end import when_training_ends
from .step_graph import launch_steps, replay_steps
from .unwrap import unwrapped

# Packages whose modules decide nothing by values.
_KNOWN = ('siameseim', 'mmpretrain', 'mmcv', 'mmengine', 'torch')


@HOOKS.register_module()
class StepGraphHook(Hook):
    """Launch forward and backward pass of a step as two CUDA graphs.

    Args:
        enabled (bool | str): whether to; 'auto' does on one GPU, unless the
            run recomputes activations, or a part of the model is not this
            package's: its Python code runs only once, and must read no value
            back. Defaults to 'auto'.

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

    def before_run(self, runner: Runner) -> None:
        """Give the memory of the graphs back once training ends."""
        model = unwrapped(runner.model)
        when_training_ends(runner, lambda: launch_steps(model))

    def before_train(self, runner: Runner) -> None:
        """Prepare the model; the first step records the graphs.

        Raises:
            InputError: if it was asked for and cannot be done.
        """
        if not self.enabled:
            return
        model = unwrapped(runner.model)
        reason = hindrance(model)
        if reason is None and self.enabled == 'auto':
            reason = _doubt(model)
        if reason is None:
            replay_steps(model)
            runner.logger.info('steps are replayed as CUDA graphs')
        elif self.enabled is True:
            raise InputError(f'default_hooks.graph.enabled=True: {reason}')
        elif torch.cuda.is_available():
            runner.logger.info(
                f'steps are not replayed as CUDA graphs: {reason}'
            )


def hindrance(model: nn.Module) -> str | None:
    """Why steps of an unwrapped model cannot be replayed; None if they can."""
    if not isinstance(model, SiameseIM):
        return f'{type(model).__name__} is no SiameseIM'
    if next(model.parameters()).device.type != 'cuda':
        return 'CUDA graphs need a GPU, and the model is on none'
    if torch.version.hip is not None:
        return 'that was not tried with ROCm'
    if is_distributed():
        return 'that was not tried with several processes'
    if any(getattr(part, 'with_cp', False) for part in model.modules()):
        return 'activations that with_cp=True recomputes cannot be recorded'
    return None


def _doubt(model: SiameseIM) -> str | None:
    """Why it is not known that a model's steps can be replayed, if it isn't.

    A part of the user's own may decide by values, which a graph cannot.
    """
    for part in model.modules():
        if type(part).__module__.partition('.')[0] not in _KNOWN:
            return (
                f'{type(part).__name__} is not of this package; if its code '
                'reads no value back, set default_hooks.graph.enabled=True'
            )
    return None
