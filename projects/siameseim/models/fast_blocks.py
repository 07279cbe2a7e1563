"""Stock transformer blocks whose forward pass is faster and compiles whole."""

import inspect

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks.drop import DropPath
from mmcv.cnn.bricks.transformer import FFN
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor, nn

from ..errors import InputError

# Beyond this the N x N matrix costs more memory than its speed is worth.
_MAX_EXPLICIT_TOKENS = 1024


def attention(
    query: Tensor, key: Tensor, value: Tensor, dropout_p: float = 0.0
) -> Tensor:
    """Stock SDPA, except for gradients of short bf16 sequences on a CPU.

    There the backward pass of the fused kernel is slow: two matrix products
    and a softmax are 2.3 to 4.7 times as fast for forward and backward of 79
    to 275 tokens (an AVX-512 bf16 core, torch 2.14). Forward alone it is the
    faster one (docs/performance.md), and in fp32 it is as fast both ways.

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
        and torch.is_grad_enabled()
        and query.requires_grad
        and key.shape[-2] <= _MAX_EXPLICIT_TOKENS
        and dropout_p == 0
    )
    if not explicit:
        return F.scaled_dot_product_attention(
            query, key, value, dropout_p=dropout_p
        )
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
    return scores.softmax(dim=-1).to(value.dtype) @ value


class FastAttention(MultiheadAttention):
    """Stock attention; query, key and value share one gradient tensor.

    Indexing them one by one, as the stock class does, makes a tensor of zeros,
    a copy and a sum for each in the backward pass: a tenth of the time of a
    ViT-B step on an H100.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, N, C) -> (B, N, C)."""
        heads = (3, self.num_heads, self.head_dims)
        qkv = self.qkv(x).unflatten(-1, heads)  # (B, N, 3, heads, C / heads)
        query, key, value = (t.transpose(1, 2) for t in qkv.unbind(2))
        dropout_p = self.attn_drop if self.training else 0.0
        x = attention(query, key, value, dropout_p).transpose(1, 2).flatten(2)
        return self.out_drop(self.gamma1(self.proj_drop(self.proj(x))))


class FastFFN(FFN):
    """Stock MLP without its check for deprecated arguments at each call.

    ``torch.compile`` cannot look into that check.
    """

    forward = inspect.unwrap(FFN.forward)


class FastPatchConv(nn.Conv2d):
    """Convolution of patches that do not overlap, as one matrix product."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, in_channels, height, width) -> (B, C, rows, columns).

        Raises:
            InputError: if that is not the shape of the images.
        """
        if x.ndim != 4 or x.shape[1] != self.in_channels:
            raise InputError(
                f'images must be (B, {self.in_channels}, height, width), not '
                f'{tuple(x.shape)}'
            )
        side = self.kernel_size[0]
        height, width = (n // side for n in x.shape[-2:])
        x = x[..., : height * side, : width * side]
        x = x.unflatten(-1, (width, side)).unflatten(-3, (height, side))
        # (B, in, rows, side, columns, side) -> (B, L, in * side ** 2), in one
        # copy: the product of contiguous rows adds the bias itself.
        rows = x.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)
        tokens = F.linear(rows, self.weight.flatten(1), self.bias)
        return tokens.transpose(1, 2).unflatten(2, (height, width))


def use_fast_blocks(module: nn.Module) -> None:
    """Let every stock layer inside ``module`` run the forward passes above.

    Names and shapes of the weights stay. The probabilities of ``DropPath``
    become plain floats: on numpy's, which the stock ViT gives it,
    ``torch.compile`` breaks the block in two.
    """
    for layer in module.modules():
        if type(layer) is MultiheadAttention and not layer.v_shortcut:
            layer.__class__ = FastAttention
        elif type(layer) is FFN:
            layer.__class__ = FastFFN
        elif type(layer) is nn.Conv2d and _cuts_patches(layer):
            layer.__class__ = FastPatchConv
        elif isinstance(layer, DropPath):
            layer.drop_prob = float(layer.drop_prob)


def _cuts_patches(conv: nn.Conv2d) -> bool:
    """Whether a convolution cuts an image into square patches."""
    height, width = conv.kernel_size
    return (
        height == width
        and conv.stride == conv.kernel_size
        and (conv.padding, conv.dilation, conv.groups) == ((0, 0), (1, 1), 1)
    )
