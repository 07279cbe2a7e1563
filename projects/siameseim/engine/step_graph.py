"""Loss and gradients of a training step, replayed as CUDA graphs."""

from typing import Any

import torch
from torch import Tensor, nn

from ..models import SiameseIM
from .recorded_step import Loss, RecordedStep


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
