"""Precision, gradient norm and skipped steps."""

import pytest
import torch
from torch import nn

from siameseim.engine import AutocastOptimWrapper, precision
from tests.apple import OnApple, kernels_of_apple


def make(precision='fp32', **kwargs):
    torch.manual_seed(0)
    model = nn.Linear(4, 2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, fused=True)
    kwargs.setdefault('clip_grad', dict(max_norm=1.0))
    return model, AutocastOptimWrapper(
        precision=precision, optimizer=optimizer, **kwargs
    )


def forward_dtype(precision):
    model, wrapper = make(precision)
    with wrapper.optim_context(model):
        return model(torch.ones(1, 4)).dtype


def test_bf16_and_fp32_can_be_asked_for():
    assert forward_dtype('bf16') == torch.bfloat16
    assert forward_dtype('fp32') == torch.float32


@pytest.mark.parametrize('found', [True, False])
def test_auto_follows_the_hardware(monkeypatch, found):
    flags = {'avx2', 'avx512_bf16'} if found else {'avx2', 'avx512f'}
    monkeypatch.setattr(precision, 'cpu_flags', lambda: flags)
    expected = torch.bfloat16 if found else torch.float32
    assert forward_dtype('auto') == expected


def test_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="'fp16'"):
        forward_dtype('fp16')


def test_gradient_norm_is_kept_as_a_tensor_before_clipping():
    model, wrapper = make()
    x = torch.arange(4.0)[None]
    wrapper.update_params(3 * model(x).sum())
    # d/dW = 3 x for both outputs, d/db = 3.
    expected = 3 * (2 * (x.square().sum() + 1)).sqrt()
    torch.testing.assert_close(wrapper.grad_norm, expected.reshape(()))


def test_gradients_are_clipped_to_the_norm():
    model, wrapper = make()
    wrapper.optimizer.zero_grad = lambda: None  # keep them to look at
    wrapper.zero_grad = lambda: None
    wrapper.update_params(100 * model(torch.ones(1, 4)).sum())
    norm = torch.cat([p.grad.flatten() for p in model.parameters()]).norm()
    assert norm == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize('kind', ['norm', 'value'])
def test_infinite_gradients_are_not_clipped_into_a_step(kind):
    limit = dict(max_norm=1.0) if kind == 'norm' else dict(clip_value=1.0)
    model, wrapper = make(clip_grad=dict(type=kind, **limit))
    before = model.weight.clone()
    model(torch.ones(1, 4)).sum().backward()
    model.weight.grad[0, 0] = float('inf')
    wrapper.step()
    assert wrapper.skipped and not wrapper.grad_norm.isfinite()
    assert torch.equal(model.weight, before)


def test_on_apple_a_fused_optimizer_takes_no_infinite_step(monkeypatch):
    kernels_of_apple(monkeypatch)
    model, wrapper = make()
    before = model.weight.clone()
    model(torch.ones(1, 4)).sum().backward()
    norm = torch.tensor(float('inf')).as_subclass(OnApple)
    wrapper._norm_and_clip = lambda: norm
    wrapper.step()
    assert torch.equal(model.weight, before)


def test_clipping_by_value_keeps_the_norm_before():
    model, wrapper = make(clip_grad=dict(type='value', clip_value=0.5))
    wrapper.zero_grad = lambda: None  # keep them to look at
    wrapper.update_params(2 * model(torch.ones(1, 4)).sum())
    assert wrapper.grad_norm == pytest.approx(2 * 10**0.5)  # of ten twos
    assert torch.equal(model.weight.grad, torch.full((2, 4), 0.5))
