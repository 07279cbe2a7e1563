"""Activation checkpointing of transformer blocks."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .norm import batch_norm_buffers


def run_block(block: nn.Module, x: Tensor, recompute: bool) -> Tensor:
    """Run a block, its activations stored or computed again when needed.

    The second time the running statistics of BatchNorm are left alone, as
    they have already seen the batch.

    Args:
        block (nn.Module): from tokens to tokens.
        x (Tensor): (B, N, C).
        recompute (bool): store only ``x`` for the backward pass.

    Returns:
        Tensor: (B, N, C), or as many tokens as the block returns.
    """
    if recompute and torch.is_grad_enabled():
        return checkpoint(
            block,
            x,
            use_reentrant=False,
            context_fn=lambda: (nullcontext(), _untracked(block)),
        )
    return block(x)


@contextmanager
def _untracked(block: nn.Module) -> Iterator[None]:
    """Afterwards the running statistics inside ``block`` are as before."""
    buffers = batch_norm_buffers(block)
    kept = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:  # torch leaves early, by an exception
        with torch.no_grad():
            for buffer, before in zip(buffers, kept, strict=True):
                buffer.copy_(before)
