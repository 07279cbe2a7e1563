"""Loss and gradients of a training step, replayed as two CUDA graphs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from ..models import SiameseIM
from ..models.norm import batch_norm_buffers

_WARM_UPS = 3  # as torch.cuda.make_graphed_callables; blocks compile in them


class GraphedLoss:
    """Takes the place of ``model.loss``: the same losses, from CUDA graphs.

    A step launches more kernels than a host can issue in the time a GPU needs
    for those of a small network. Here the first call records forward and
    backward pass; later ones copy the batch to where these read it, and
    launch two graphs.

    The model's own ``loss`` runs, kernel by kernel, for a batch of another
    shape, and while a module has forward hooks, which a graph would not call.

    ``torch.cuda.make_graphed_callables`` does the same, but up to torch 2.13
    its recording fails if the thread that pins batches allocates meanwhile.

    ``model.step_features`` are the graph's own, good until the next step.

    Args:
        model (SiameseIM): in train mode on a CUDA device. Its weights must
            stay where they are in memory, and gradients must not be
            accumulated over calls.
    """

    def __init__(self, model: SiameseIM) -> None:
        self._eager = model.loss
        self._model = model
        self._modules = [*model.modules()]
        self._graph: _StepGraph | None = None

    def __call__(
        self, inputs: list[Tensor], data_samples: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """As ``SiameseIM.loss``."""
        with _uncached_autocast():
            if not self._can_replay(inputs, data_samples):
                return self._eager(inputs, data_samples)
            if self._graph is None:
                self._graph = _StepGraph(
                    self._model, self._eager, inputs, data_samples
                )
            if not self._graph.fits(inputs, data_samples):
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
            and not any(module._forward_hooks for module in self._modules)
        )


class _StepGraph:
    """Two recorded graphs and the memory that they read and write."""

    def __init__(
        self,
        model: SiameseIM,
        loss: Any,
        inputs: list[Tensor],
        samples: dict[str, Tensor],
    ) -> None:
        self._model = model
        self._loss = loss
        self._inputs = [view.clone() for view in inputs]
        self._samples = {
            name: value.clone() for name, value in samples.items()
        }
        self._parameters = [p for p in model.parameters() if p.requires_grad]
        with _undone(model):
            self._warm_up()
        self._record()

    def _run(self) -> dict[str, Tensor]:
        """The losses of the batch that was copied here."""
        return self._loss(self._inputs, dict(self._samples))

    def _warm_up(self) -> None:
        """Let everything compile and allocate that does so once."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UPS):
                self._differentiate(self._run(), None)
        torch.cuda.current_stream().wait_stream(stream)
        self._model.step_features = None  # whose memory is not the graph's

    def _differentiate(
        self, losses: dict[str, Tensor], scale: list[Tensor] | None
    ) -> tuple[Tensor | None, ...]:
        """Gradients of all weights; None for those that no loss needs."""
        return torch.autograd.grad(
            [*losses.values()], self._parameters, scale, allow_unused=True
        )

    def _record(self) -> None:
        """Record both passes; nothing runs."""
        self._forward = torch.cuda.CUDAGraph()
        self._backward = torch.cuda.CUDAGraph()
        # Only this thread must leave the device alone meanwhile, not the one
        # that pins batches.
        mode = 'thread_local'
        with torch.cuda.graph(self._forward, capture_error_mode=mode):
            losses = self._run()
        self._features = self._model.step_features
        self._names = [*losses]
        self._scale = [torch.ones_like(loss) for loss in losses.values()]
        pool = self._forward.pool()
        with torch.cuda.graph(self._backward, pool, capture_error_mode=mode):
            self._gradients = self._differentiate(losses, self._scale)
        self._losses = [loss.detach() for loss in losses.values()]

    def fits(self, inputs: list[Tensor], samples: dict[str, Tensor]) -> bool:
        """Whether a batch has the recorded tensors, in their shapes."""
        if samples.keys() != self._samples.keys():
            return False
        return all(
            new.shape == old.shape for new, old in self._pairs(inputs, samples)
        )

    def _pairs(
        self, inputs: list[Tensor], samples: dict[str, Tensor]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Tensors of a batch beside those that the graphs read."""
        yield from zip(inputs, self._inputs, strict=True)
        for name, value in samples.items():
            yield value, self._samples[name]

    def replay(
        self, inputs: list[Tensor], samples: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Losses of a batch, whose gradients are those of the graph."""
        for new, old in self._pairs(inputs, samples):
            old.copy_(new)
        losses = _Replay.apply(self, *self._parameters)
        self._model.step_features = self._features
        return dict(zip(self._names, losses, strict=True))


class _Replay(torch.autograd.Function):
    """Launches one graph each way."""

    @staticmethod
    def forward(
        ctx: Any, graph: _StepGraph, *parameters: Tensor
    ) -> tuple[Tensor, ...]:
        """Scalars of their own: the next replay overwrites the graph's."""
        ctx.graph = graph
        graph._forward.replay()
        return tuple(loss.clone() for loss in graph._losses)

    @staticmethod
    def backward(ctx: Any, *scale: Tensor) -> tuple[Tensor | None, ...]:
        """The graph's own gradients, without a copy."""
        graph = ctx.graph
        torch._foreach_copy_(graph._scale, scale)
        graph._backward.replay()
        return None, *(
            g if g is None else g.detach() for g in graph._gradients
        )


@contextmanager
def _uncached_autocast() -> Iterator[None]:
    """Autocast as it is, whose casts of weights are recorded with the rest."""
    with torch.autocast(
        'cuda',
        dtype=torch.get_autocast_dtype('cuda'),
        enabled=torch.is_autocast_enabled('cuda'),
        cache_enabled=False,
    ):
        yield


@contextmanager
def _undone(model: SiameseIM) -> Iterator[None]:
    """BatchNorm statistics and random numbers are afterwards as before."""
    buffers = batch_norm_buffers(model)
    kept = [buffer.clone() for buffer in buffers]
    with torch.random.fork_rng(devices=[torch.cuda.current_device()]):
        yield
    with torch.no_grad():
        torch._foreach_copy_(buffers, kept)


def replay_steps(model: SiameseIM) -> None:
    """Let a model's training steps be replayed, from its first loss on."""
    setattr(model, 'loss', GraphedLoss(model))  # noqa: B010
