"""A training step's loss and gradients as two CUDA graphs."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ..models import SiameseIM
from ..models.norm import buffers_kept

_WARM_UPS = 3  # as torch.cuda.make_graphed_callables; blocks compile in them

Loss = Callable[[list[Tensor], dict[str, Tensor]], dict[str, Tensor]]


class RecordedStep:
    """Forward and backward pass of a loss as two CUDA graphs.

    Args:
        model (SiameseIM): in train mode on a CUDA device.
        loss (Callable): its loss.
        inputs (list[Tensor]): views of a batch as the loss takes them.
        samples (dict[str, Tensor]): likewise.

    Raises:
        RuntimeError: if something cannot be recorded, such as a loss that is
            no scalar.
    """

    def __init__(
        self,
        model: SiameseIM,
        loss: Loss,
        inputs: list[Tensor],
        samples: dict[str, Tensor],
    ) -> None:
        self._model = model
        self._loss = loss
        self._inputs = [view.clone() for view in inputs]
        self._samples = {k: value.clone() for k, value in samples.items()}
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.step = 0  # of the last replay that still needs its backward pass
        with _undone(model):
            self._warm_up()
        self._capture()

    def _run(self) -> dict[str, Tensor]:
        """Losses of the batch that was copied here, minimised ones first."""
        losses = self._loss(self._inputs, dict(self._samples))
        return dict(
            sorted(losses.items(), key=lambda item: not item[1].requires_grad)
        )

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
        minimised = [loss for loss in losses.values() if loss.requires_grad]
        return torch.autograd.grad(
            minimised, self.parameters, scale, allow_unused=True
        )

    def _capture(self) -> None:
        """Record both passes; nothing runs."""
        self.forward = torch.cuda.CUDAGraph()
        self.backward = torch.cuda.CUDAGraph()
        # Only this thread must leave the device alone meanwhile, not the one
        # that pins batches.
        mode = 'thread_local'
        with torch.cuda.graph(self.forward, capture_error_mode=mode):
            losses = self._run()
        self._features = self._model.step_features
        self._names = [*losses]
        self.losses = [loss.detach() for loss in losses.values()]
        self.scale = [
            torch.ones_like(loss)
            for loss in losses.values()
            if loss.requires_grad
        ]
        pool = self.forward.pool()
        with torch.cuda.graph(self.backward, pool, capture_error_mode=mode):
            self.gradients = self._differentiate(losses, self.scale)

    def fits(self, inputs: list[Tensor], samples: dict[str, Tensor]) -> bool:
        """Whether a batch has the recorded tensors, in their shapes."""
        return _shapes(inputs, samples) == _shapes(self._inputs, self._samples)

    def replay(
        self, inputs: list[Tensor], samples: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Losses of a batch, whose gradients are those of the graph."""
        for view, read in zip(inputs, self._inputs, strict=True):
            read.copy_(view)
        for name, read in self._samples.items():
            read.copy_(samples[name])
        losses = _Replay.apply(self, *self.parameters)
        self._model.step_features = self._features
        return dict(zip(self._names, losses, strict=True))

    def hand_over(self) -> None:
        """Copy gradients that weights still hold and a replay overwrites.

        They do while gradients of several steps are accumulated. The forward
        pass overwrites them already: the graphs share their memory, where
        gradients lie in what that pass no longer needed.
        """
        for weight, own in zip(self.parameters, self.gradients, strict=True):
            held = weight.grad
            if held is None or own is None:
                continue
            if held.data_ptr() == own.data_ptr():
                weight.grad = held.clone()


class _Replay(torch.autograd.Function):
    """Launches one graph each way."""

    @staticmethod
    def forward(
        ctx: Any, graph: RecordedStep, *parameters: Tensor
    ) -> tuple[Tensor, ...]:
        """Scalars of their own: the next replay overwrites the graph's."""
        graph.step += 1
        ctx.graph, ctx.step = graph, graph.step
        graph.hand_over()
        graph.forward.replay()
        losses = tuple(loss.clone() for loss in graph.losses)
        ctx.mark_non_differentiable(*losses[len(graph.scale) :])
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *scale: Tensor) -> tuple[Tensor | None, ...]:
        """The graph's own gradients, without a copy."""
        graph = ctx.graph
        if ctx.step != graph.step:
            raise RuntimeError(
                'a replayed step has one backward pass, before the next '
                'forward pass: for more set default_hooks.graph.enabled=False'
            )
        graph.step += 1
        torch._foreach_copy_(graph.scale, scale[: len(graph.scale)])
        graph.backward.replay()
        found = graph.gradients
        return None, *(g if g is None else g.detach() for g in found)


def _shapes(
    inputs: list[Tensor], samples: dict[str, Tensor]
) -> tuple[list[torch.Size], dict[str, torch.Size]]:
    named = {name: value.shape for name, value in samples.items()}
    return [view.shape for view in inputs], named


@contextmanager
def _undone(model: SiameseIM) -> Iterator[None]:
    """Buffers and random numbers are afterwards as before."""
    device = next(model.parameters()).device
    with (
        buffers_kept([*model.buffers()]),
        torch.random.fork_rng([device] if device.type == 'cuda' else []),
    ):
        yield
