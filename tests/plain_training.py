"""Training steps of ``plain_siameseim``: EMA, clipping and AdamW by hand."""

from typing import Any

import torch
from torch import Tensor

from tests.plain_siameseim import Plain

_BUFFERS = ('running_mean', 'running_var', 'num_batches_tracked')


def trained(name: str) -> bool:
    """Whether AdamW moves this tensor."""
    frozen = ('pos_embed', 'decoder_pos_embed', 'mm_', 'patch_embed')
    return not name.startswith(frozen) and not name.endswith(_BUFFERS)


def ema(plain: Plain, kept: float) -> None:
    """Move every target parameter; buffers and the mask token stay."""
    for name in plain.state:
        skip = name.endswith(_BUFFERS) or name == 'mm_mask_token'
        if name.startswith('mm_') and not skip:
            online = plain.state[name.removeprefix('mm_')].detach()
            plain.state[name] = kept * plain.state[name] + (1 - kept) * online


def run(plain: Plain, steps: list[dict[str, Any]]) -> None:
    """Train by hand; adds loss, norm and gradients to the steps."""
    config = plain.config
    names = [name for name in plain.state if trained(name)]
    moments = {name: (0.0, 0.0) for name in names}
    for number, step in enumerate(steps, start=1):
        ema(plain, step['momentum_kept'])
        for name in names:
            plain.state[name] = plain.state[name].detach().requires_grad_()
        loss = plain.loss(step)
        gradients = torch.autograd.grad(loss, [plain.state[n] for n in names])
        norm = sum(g.square().sum() for g in gradients).sqrt()
        scale = min(1.0, config['clip_grad'] / (norm.item() + 1e-6))
        step.update(loss=loss.detach().float(), grad_norm=norm.float())
        clipped = {
            name: g * scale for name, g in zip(names, gradients, strict=True)
        }
        if number == 1:
            step['grads_after_clip'] = {
                name: g.float() for name, g in clipped.items()
            }
        for name, gradient in clipped.items():
            adamw(plain, name, gradient, moments, number)


def adamw(
    plain: Plain,
    name: str,
    gradient: Tensor,
    moments: dict[str, Any],
    number: int,
) -> None:
    """Decoupled decay of everything but biases and 1-D tensors."""
    config = plain.config
    weight = plain.state[name].detach()
    decay = config['weight_decay'] if weight.ndim > 1 else 0.0
    first, second = config['betas']
    mean, square = moments[name]
    mean = first * mean + (1 - first) * gradient
    square = second * square + (1 - second) * gradient**2
    moments[name] = mean, square
    step = mean / (1 - first**number)
    step = step / ((square / (1 - second**number)).sqrt() + 1e-8)
    plain.state[name] = weight * (1 - config['lr'] * decay) - (
        config['lr'] * step
    )
