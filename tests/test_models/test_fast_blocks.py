"""The faster forward passes compute what the stock ones do."""

import copy

import pytest
import torch
import torch.nn.functional as F
from mmcv.cnn.bricks.transformer import FFN, PatchEmbed
from mmpretrain.models.backbones.vision_transformer import (
    TransformerEncoderLayer,
)
from mmpretrain.models.utils import MultiheadAttention
from torch import nn
from torch.testing import assert_close

from siameseim.benchmark.memory import LiveStorages
from siameseim.errors import InputError
from siameseim.models.fast_blocks import attention, use_fast_blocks
from tests.model_fixtures import tiny_model


def test_fp32_is_the_stock_kernel():
    q, k, v = torch.randn(3, 2, 4, 9, 8)
    expected = F.scaled_dot_product_attention(q, k, v)
    assert_close(attention(q, k, v), expected, rtol=0, atol=0)


@pytest.mark.parametrize('grad', [True, False])
@pytest.mark.parametrize('tokens', [9, 1025])
def test_bf16_on_a_cpu_stays_within_bf16_of_fp32(tokens, grad):
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 4, tokens, 8).bfloat16().requires_grad_(grad)
    exact = F.scaled_dot_product_attention(q.float(), k.float(), v.float())
    assert_close(attention(q, k, v).float(), exact, rtol=0.02, atol=0.02)


@pytest.mark.parametrize(('tokens', 'whole'), [(1024, True), (1025, False)])
def test_only_short_bf16_sequences_make_the_matrix_of_pairs(tokens, whole):
    q, k, v = torch.randn(3, 1, 1, tokens, 8).bfloat16().requires_grad_()
    sizes = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: sizes.append(tensor.numel()) or tensor, lambda t: t
    ):
        attention(q, k, v)
    assert (tokens**2 in sizes) is whole


@pytest.mark.parametrize('frozen', [True, False])
@pytest.mark.parametrize('grad', [True, False])
def test_without_gradients_there_is_no_matrix_of_pairs(grad, frozen):
    q, k, v = torch.randn(3, 1, 1, 1024, 8).bfloat16()
    taken = grad and not frozen
    with torch.set_grad_enabled(grad), LiveStorages() as live:
        attention(q.requires_grad_(taken), k, v)
    assert (live.peak >= 2 * 1024**2) is taken  # bytes of bf16


def test_bf16_on_a_cpu_is_dropped_out_too():
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 2, 4, 9, 8).bfloat16()
    first, second = (attention(q, k, v, dropout_p=0.5) for _ in range(2))
    assert not torch.equal(first, second)


def run(module, x):
    """Outputs and all gradients."""
    x = x.clone().requires_grad_()
    y = module(x)
    y = y[0] if isinstance(y, tuple) else y
    y.square().sum().backward()
    return [y, x.grad, *(p.grad for p in module.parameters())]


@pytest.mark.parametrize(
    'options',
    [
        {},
        dict(layer_scale_init_value=0.1),
        dict(qkv_bias=False),
        dict(drop_rate=0.5, attn_drop_rate=0.5, drop_path_rate=0.5),
    ],
)
def test_a_block_is_the_stock_one(options):
    torch.manual_seed(0)
    stock = TransformerEncoderLayer(16, 4, 32, **options)
    fast = copy.deepcopy(stock)
    use_fast_blocks(fast)
    x = torch.randn(3, 7, 16)
    with torch.random.fork_rng():
        results = run(fast, x)
    assert_close(results, run(stock, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ('padding', 'grid'), [('corner', (2, 4)), (0, (2, 3))]
)
def test_patches_are_embedded_as_the_stock_convolution_does(padding, grid):
    torch.manual_seed(0)
    stock = PatchEmbed(embed_dims=10, kernel_size=4, stride=4, padding=padding)
    fast = copy.deepcopy(stock)
    use_fast_blocks(fast)
    x = torch.randn(2, 3, 8, 14)
    assert fast(x)[1] == stock(x)[1] == grid
    assert_close(run(fast, x), run(stock, x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    'layer',
    [
        MultiheadAttention(8, 2, v_shortcut=True),
        nn.Conv2d(3, 8, 4, stride=2),
        nn.Conv2d(3, 8, 4, stride=4, padding=1),
        nn.Conv2d(3, 8, (4, 2), stride=(4, 2)),
        nn.Conv2d(3, 8, 4, stride=4, dilation=2),
        nn.Conv2d(3, 3, 4, stride=4, groups=3),
    ],
)
def test_layers_that_compute_something_else_stay(layer):
    kind = type(layer)
    use_fast_blocks(layer)
    assert type(layer) is kind


def test_no_stock_layer_is_left_in_the_model():
    kinds = [type(module) for module in tiny_model().modules()]
    assert not {MultiheadAttention, FFN, nn.Conv2d} & {*kinds}


def test_a_block_is_compiled_whole():
    torch.manual_seed(0)
    model = tiny_model()
    blocks = [*model.backbone.layers, *model.neck.predictor.blocks]
    for block in blocks:
        x = torch.randn(2, 1 + 6 + 16, block.embed_dims)
        with torch.autocast('cpu', dtype=torch.bfloat16):
            found = torch._dynamo.explain(block)(x)
        assert found.graph_break_count == 0, found.break_reasons


@pytest.mark.parametrize(
    'shape', [(3, 16, 16), (2, 1, 16, 16), (2, 16, 16, 3)]
)
def test_images_of_another_shape_are_refused(shape):
    backbone = tiny_model().backbone
    with pytest.raises(InputError, match=r'must be \(B, 3, height, width\)'):
        backbone(torch.zeros(shape))
