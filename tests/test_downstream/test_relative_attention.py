"""Attention against a slow loop over every query and key."""

import pytest
import torch
import torch.nn.functional as F

from siameseim.downstream.relative_attention import RelativeAttention


def slow_attention(attention, x):
    """One (H, W, C) map, all pairs, one head after the other."""
    height, width, _ = x.shape
    qkv = attention.qkv(x).view(height, width, 3, attention.num_heads, -1)
    q, k, v = qkv.unbind(2)  # each (H, W, N, D)
    heads = []
    for n in range(attention.num_heads):
        rows = []
        for y in range(height):
            for x in range(width):
                rows.append(
                    torch.stack(
                        [
                            q[y, x, n] @ k[j, i, n] * q.shape[-1] ** -0.5
                            + q[y, x, n]
                            @ attention.rel_pos_h[y - j + height - 1]
                            + q[y, x, n]
                            @ attention.rel_pos_w[x - i + width - 1]
                            for j in range(height)
                            for i in range(width)
                        ]
                    )
                )
        logits = torch.stack(rows)
        heads.append(logits.softmax(-1) @ v[:, :, n].flatten(0, 1))
    out = torch.cat(heads, dim=-1).view(height, width, -1)
    return attention.proj(out)


def random_attention(grid, window=None):
    torch.manual_seed(0)
    attention = RelativeAttention(8, 2, grid, window)
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return attention


def test_global_attention_equals_the_loop():
    attention = random_attention((3, 4))
    x = torch.randn(2, 3, 4, 8)
    expected = torch.stack([slow_attention(attention, one) for one in x])
    torch.testing.assert_close(attention(x), expected)


@pytest.mark.parametrize('shape', [(3, 4), (1, 6)])
def test_windows_attend_apart_and_to_the_padding(shape):
    attention = random_attention((9, 9), window=2)
    x = torch.randn(1, *shape, 8)
    padded = F.pad(x, (0, 0, 0, 0, 0, 1))[0]  # an even number of rows
    expected = torch.zeros_like(padded)
    for y in range(0, len(padded), 2):
        for column in range(0, shape[1], 2):
            part = slice(y, y + 2), slice(column, column + 2)
            expected[part] = slow_attention(attention, padded[part])
    torch.testing.assert_close(attention(x)[0], expected[: shape[0]])
