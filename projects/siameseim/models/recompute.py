"""Activation checkpointing of transformer blocks."""

from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .norm import batch_norm_buffers, buffers_kept


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
        statistics = batch_norm_buffers(block)
        return checkpoint(
            block,
            x,
            use_reentrant=False,
            context_fn=lambda: (nullcontext(), buffers_kept(statistics)),
        )
    return block(x)
