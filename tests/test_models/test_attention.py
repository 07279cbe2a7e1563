"""Both attention kernels compute the same thing."""

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from siameseim.models.attention import attention
from tests.model_fixtures import tiny_model


def test_fp32_is_the_stock_kernel():
    q, k, v = torch.randn(3, 2, 4, 9, 8)
    expected = F.scaled_dot_product_attention(q, k, v)
    assert_close(attention(q, k, v), expected, rtol=0, atol=0)


@pytest.mark.parametrize('tokens', [9, 1025])
def test_bf16_on_a_cpu_stays_within_bf16_of_fp32(tokens):
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 4, tokens, 8).bfloat16()
    exact = F.scaled_dot_product_attention(q.float(), k.float(), v.float())
    assert_close(attention(q, k, v).float(), exact, rtol=0.02, atol=0.02)


def test_every_block_of_the_model_uses_it():
    model = tiny_model()
    kernels = [
        module.scaled_dot_product_attention
        for module in model.modules()
        if hasattr(module, 'scaled_dot_product_attention')
    ]
    # online: 2 + 1 + 1 blocks, target: 2 + 1
    assert kernels == [attention] * 7
