"""Training steps replayed as CUDA graphs: when, and in whose place."""

from typing import Any, Literal

import torch
from mmengine.dist import is_distributed
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import Tensor, nn

from ..errors import InputError
from ..models import SiameseIM
from .at_end import when_training_ends
from .recorded_step import Loss, RecordedStep
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


class GraphedLoss:
    """Takes the place of ``model.loss``: the same losses, from CUDA graphs.

    A step launches more kernels than a host can issue in the time a GPU needs
    for those of a small network. Here the first call records forward and
    backward pass; later ones copy the batch to where these read it, and
    launch two graphs. ``model.step_features`` are the graph's own, good until
    the next step.

    The model's own ``loss`` runs, kernel by kernel, for a batch of another
    shape or of other things than tensors, while somebody listens by a hook on
    a module or a weight, which a graph would not call, and when the modes of
    modules, the weights that are trained or autocast are no longer those that
    were recorded. Other settings that change during a run go unnoticed.

    ``torch.cuda.make_graphed_callables`` does the same, but up to torch 2.13
    its recording fails if the thread that pins batches allocates meanwhile.

    Args:
        model (SiameseIM): in train mode on a CUDA device. Its weights must
            stay where they are in memory.
    """

    def __init__(self, model: SiameseIM) -> None:
        self._eager = model.loss
        self._model = model
        self._modules = [*model.modules()]
        self._parameters = [*model.parameters()]
        self._graph: RecordedStep | None = None
        self._recorded: tuple = ()

    def __call__(
        self, inputs: list[Tensor], data_samples: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """As ``SiameseIM.loss``; one backward pass after each call.

        Raises:
            RuntimeError: if the step cannot be recorded.
        """
        # As it is, but casts of weights are recorded with the rest.
        uncached_autocast = torch.autocast(
            'cuda',
            dtype=torch.get_autocast_dtype('cuda'),
            enabled=torch.is_autocast_enabled('cuda'),
            cache_enabled=False,
        )
        with uncached_autocast:
            if not self._can_replay(inputs, data_samples):
                return self._eager(inputs, data_samples)
            if self._graph is None:
                self._recorded = self._circumstances()
                self._graph = _record(
                    self._model, self._eager, inputs, data_samples
                )
            if not (
                self._graph.fits(inputs, data_samples)
                and self._circumstances() == self._recorded
            ):
                return self._eager(inputs, data_samples)
            return self._graph.replay(inputs, data_samples)

    def _can_replay(self, inputs: Any, data_samples: Any) -> bool:
        """Whether this is a training step, of tensors, nobody listening."""
        return (
            self._model.training
            and torch.is_grad_enabled()
            and isinstance(data_samples, dict)
            and all(
                isinstance(value, Tensor)
                for value in (*inputs, *data_samples.values())
            )
            and not any(_listened(module) for module in self._modules)
            and not any(weight._backward_hooks for weight in self._parameters)
        )

    def _circumstances(self) -> tuple:
        """What a recorded graph takes for granted."""
        return (
            [module.training for module in self._modules],
            [weight.requires_grad for weight in self._parameters],
            torch.is_autocast_enabled('cuda'),
            torch.get_autocast_dtype('cuda'),
        )


def replay_steps(model: SiameseIM) -> None:
    """Let a model's training steps be replayed, from its next loss on."""
    launch_steps(model)
    setattr(model, 'loss', GraphedLoss(model))  # noqa: B010


def launch_steps(model: SiameseIM) -> None:
    """Let them be launched kernel by kernel, and free the graphs' memory."""
    if model.__dict__.pop('loss', None) is not None:
        model.step_features = None


def _listened(module: nn.Module) -> bool:
    return bool(
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
    )


def _record(model: SiameseIM, loss: Loss, *batch: Any) -> RecordedStep:
    """Record the graphs, or say how to go on without them."""
    try:
        return RecordedStep(model, loss, *batch)
    except (RuntimeError, AttributeError) as error:
        raise RuntimeError(
            'the step could not be recorded as CUDA graphs (what stopped it '
            'stands above): default_hooks.graph.enabled=False goes without'
        ) from error
