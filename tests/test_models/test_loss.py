"""The loss against the N x N form it never builds (method section 5)."""

import pytest
import torch
from mmpretrain.registry import MODELS
from torch.testing import assert_close

from siameseim.errors import InputError
from siameseim.models.head import dense_loss


def pairwise_loss(prediction, target, neg_weight):
    """Mean over all pairs of the squared dot product, by explicit pairs."""
    count, dims = prediction.shape
    positive = sum(
        ((p - t) ** 2).sum() for p, t in zip(prediction, target, strict=True)
    )
    negative = sum((p @ t) ** 2 for p in prediction for t in target)
    return positive / count / dims, neg_weight * negative / count**2 / dims


def test_loss_and_gradient_equal_the_pairwise_form():
    torch.manual_seed(0)
    target = torch.randn(12, 6)
    prediction = torch.randn(12, 6, requires_grad=True)
    ours = dense_loss(prediction, target, 0.3)
    slow = pairwise_loss(prediction, target, 0.3)
    assert_close(ours, slow)
    assert_close(
        torch.autograd.grad(sum(ours), prediction),
        torch.autograd.grad(sum(slow), prediction),
    )


@pytest.mark.parametrize(
    ('options', 'weight'), [({}, 0.02), (dict(neg_weight=0.1), 0.1)]
)
@pytest.mark.parametrize('scale', [7, 0.01])  # 1e-5 counts beside 0.01 ** 2
def test_head_normalises_the_target_without_affine(options, weight, scale):
    torch.manual_seed(2)
    head = MODELS.build(dict(type='SiameseIMHead', **options))
    prediction, target = torch.randn(2, 5, 8), torch.randn(2, 5, 8)
    target = scale * (target + 0.5)
    mean = target.mean(-1, keepdim=True)
    std = (target.var(-1, keepdim=True, unbiased=False) + 1e-5).sqrt()
    rows = ((target - mean) / std).flatten(0, 1)
    positive, negative = pairwise_loss(prediction.flatten(0, 1), rows, weight)
    losses = head.loss(prediction, target)
    assert_close(losses['loss_pos'], positive)
    assert_close(losses['loss_neg'], negative)


def test_loss_is_fp32_under_bf16_autocast():
    torch.manual_seed(3)
    head = MODELS.build(dict(type='SiameseIMHead'))
    target = torch.randn(2, 50, 32)
    prediction = torch.randn(2, 50, 32).bfloat16()  # as a Linear makes it
    plain = head.loss(prediction.float(), target)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        mixed = head.loss(prediction, target)
    assert_close(mixed, plain, rtol=0, atol=0)


@pytest.mark.parametrize('count', [1_000, 10_000])
def test_memory_grows_with_patches_not_with_their_square(count):
    # an N x N matrix of 10,000 patches alone would take 400 MB
    prediction = torch.randn(count, 16, requires_grad=True)
    sizes = []
    with torch.autograd.graph.saved_tensors_hooks(
        lambda tensor: sizes.append(tensor.numel()) or tensor, lambda t: t
    ):
        dense_loss(prediction, torch.randn(count, 16), 0.02)
    assert max(sizes) <= count * 16


@pytest.mark.parametrize('given', ['abc', -1, float('nan'), None])
def test_a_weight_that_is_none_is_refused(given):
    with pytest.raises(InputError, match=f'neg_weight={given!r} of the head'):
        MODELS.build(dict(type='SiameseIMHead', neg_weight=given))
