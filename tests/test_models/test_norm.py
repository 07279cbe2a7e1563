"""TokenBN and the LayerNorm of blocks by hand."""

import pytest
import torch
from mmcv.cnn import build_norm_layer
from torch.testing import assert_close

from siameseim.models.norm import TokenBN, norm_cfg


def test_normalises_over_batch_and_tokens():
    torch.manual_seed(0)
    x = 2 + 3 * torch.randn(4, 5, 6)
    rows = x.reshape(20, 6)
    expected = (rows - rows.mean(0)) / (
        rows.var(0, unbiased=False) + 1e-5
    ).sqrt()
    assert_close(TokenBN(6)(x), expected.reshape(4, 5, 6))


def test_running_buffers_follow_batchnorm():
    torch.manual_seed(1)
    x = torch.randn(4, 5, 6)
    norm = TokenBN(6, momentum=0.25)
    norm(x)
    rows = x.reshape(20, 6)
    assert_close(norm.bn.running_mean, 0.25 * rows.mean(0))
    assert_close(norm.bn.running_var, 0.75 + 0.25 * rows.var(0))


def test_bf16_input_is_normalised_in_fp32():
    torch.manual_seed(2)
    x = torch.randn(4, 5, 6).bfloat16()
    norm = TokenBN(6)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        out = norm(x)
    assert out.dtype == torch.float32
    assert_close(out, TokenBN(6)(x.float()), rtol=0, atol=0)


def test_layernorm_adds_a_millionth_to_the_variance():
    torch.manual_seed(3)
    x = 0.001 * torch.randn(5, 6)  # whose variance is as small
    _, norm = build_norm_layer(norm_cfg('LN'), 6)
    centred = x - x.mean(1, keepdim=True)
    expected = centred / (x.var(1, False, keepdim=True) + 1e-6).sqrt()
    assert_close(norm(x), expected)


def test_norm_cfg_names_the_known_norms():
    with pytest.raises(ValueError, match="'BN', 'LN'.*got 'GN'"):
        norm_cfg('GN')
