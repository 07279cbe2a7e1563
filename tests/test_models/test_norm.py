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


@pytest.fixture
def group():
    torch.distributed.init_process_group(
        'gloo', store=torch.distributed.HashStore(), rank=0, world_size=1
    )
    yield
    torch.distributed.destroy_process_group()


@pytest.mark.parametrize('training', [True, False])
def test_in_a_group_it_is_the_stock_batchnorm_too(group, training):
    """Also far from 0, where squares of fp32 means would cancel."""
    torch.manual_seed(4)
    x = 1000 + torch.randn(4, 5, 6)
    norm = TokenBN(6, eps=0.1, momentum=0.25).train(training)
    stock = torch.nn.BatchNorm1d(6, eps=0.1, momentum=0.25).train(training)
    out = norm(x).detach().flatten(0, 1)
    expected = stock(x.flatten(0, 1)).detach()
    assert_close(out, expected, rtol=0, atol=1e-3)
    assert_close(dict(norm.bn.named_buffers()), dict(stock.named_buffers()))


def test_a_config_may_ask_for_the_syncbatchnorm_of_torch(group):
    """With ``sync_bn='torch'``; it refuses what lies on a CPU."""
    norm = torch.nn.SyncBatchNorm.convert_sync_batchnorm(TokenBN(6))
    with pytest.raises(ValueError, match='SyncBatchNorm expected'):
        norm(torch.randn(4, 5, 6))


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
