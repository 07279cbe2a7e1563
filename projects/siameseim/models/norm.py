"""Norms in fp32: BatchNorm over tokens, and LayerNorm."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce, get_world_size, is_distributed
from mmpretrain.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class _BatchNormOfRanks(torch.autograd.Function):
    """BatchNorm with the statistics of all ranks, one all-reduce each way.

    The host never waits for the device, which ``nn.SyncBatchNorm`` makes it
    do on each call.
    """

    @staticmethod
    def forward(
        ctx: Any, rows: Tensor, weight: Tensor, bias: Tensor, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """(N, C) and two of (C,) -> normalised (N, C), mean and variance."""
        variance, mean = torch.var_mean(rows, 0, correction=0)
        # In float64, where the squares of means cancel without harm.
        mean, variance = mean.double(), variance.double()
        moments = torch.stack([mean, variance + mean.square()])
        all_reduce(moments, op='mean')
        mean, square = moments
        variance = (square - mean.square()).float()
        mean = mean.float()
        inverse = torch.rsqrt(variance + eps)
        ctx.save_for_backward(rows, weight, mean, inverse)
        ctx.mark_non_differentiable(mean, variance)
        out = torch.addcmul(bias, rows - mean, inverse * weight)
        return out, mean, variance

    @staticmethod
    def backward(
        ctx: Any, gradient: Tensor, *_: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, None]:
        """Gradients of rows, weight and bias, the last two of this rank."""
        rows, weight, mean, inverse = ctx.saved_tensors
        normal = (rows - mean).mul_(inverse)
        own = torch.stack([gradient.sum(0), (gradient * normal).sum(0)])
        shared = own / len(rows)
        all_reduce(shared, op='mean')
        offset, slope = shared
        centred = torch.addcmul(gradient, normal, slope, value=-1)
        return (
            centred.sub_(offset).mul_(inverse * weight),
            own[1],
            own[0],
            None,
        )


@MODELS.register_module()
class TokenBN(nn.Module):
    """BatchNorm whose rows are all (image, token) pairs of all ranks, fp32.

    One code path for CPUs and GPUs: ``nn.SyncBatchNorm`` refuses CPU modules
    and makes the host wait. It holds a BatchNorm instead of being one, so
    that mmengine's ``sync_bn='torch'`` can still put that in its place.

    Args:
        num_features (int): width C.
        eps (float): added to the variance. Defaults to 1e-5.
        momentum (float): weight of the new value in the running buffers.
            Defaults to 0.1.
    """

    def __init__(
        self, num_features: int, eps: float = 1e-5, momentum: float = 0.1
    ) -> None:
        super().__init__()
        self.momentum = momentum
        self.bn: nn.BatchNorm1d | nn.SyncBatchNorm = nn.BatchNorm1d(
            num_features, eps=eps, momentum=momentum
        )

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each channel over batch and tokens.

        Args:
            x (Tensor): (B, L, C), any float type; every rank brings the same
                number of rows.

        Returns:
            Tensor: (B, L, C) float32.
        """
        with torch.autocast(x.device.type, enabled=False):
            rows = x.float().flatten(0, 1)  # (B, L, C) -> (B * L, C)
            converted = isinstance(self.bn, nn.SyncBatchNorm)
            if self.training and is_distributed() and not converted:
                rows = self._forward_group(rows)
            else:
                rows = self.bn(rows)
        return rows.view(x.shape)

    def _forward_group(self, rows: Tensor) -> Tensor:
        """Normalise with the batch statistics of all ranks, and track them."""
        out, mean, variance = _BatchNormOfRanks.apply(
            rows, self.bn.weight, self.bn.bias, self.bn.eps
        )
        count = len(rows) * get_world_size()
        unbiased = variance * (count / (count - 1))
        buffers = dict(self.bn.named_buffers())
        with torch.no_grad():
            buffers['running_mean'].lerp_(mean, self.momentum)
            buffers['running_var'].lerp_(unbiased, self.momentum)
            buffers['num_batches_tracked'].add_(1)
        return out


def batch_norm_buffers(module: nn.Module) -> list[Tensor]:
    """Running statistics and counts of all BatchNorms inside."""
    return [
        buffer
        for part in module.modules()
        if isinstance(part, _BatchNorm)
        for buffer in part.buffers()
    ]


@contextmanager
def buffers_kept(buffers: list[Tensor]) -> Iterator[None]:
    """Afterwards these have the values that they have now."""
    kept = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, before in zip(buffers, kept, strict=True):
                buffer.copy_(before)


def norm_cfg(norm: str | dict) -> dict:
    """Config of a block's two norms.

    Args:
        norm (str | dict): 'BN' (the method's ``TokenBN``), 'LN' (eps 1e-6),
            or a norm config with its own settings.

    Raises:
        ValueError: for any other name.
    """
    if isinstance(norm, dict):
        return norm
    cfgs: dict[str, dict] = {
        'BN': dict(type='TokenBN'),
        'LN': dict(type='LN', eps=1e-6),
    }
    if norm not in cfgs:
        raise ValueError(f'norm must be one of {sorted(cfgs)}, got {norm!r}')
    return cfgs[norm]


def layer_norm_fp32(x: Tensor) -> Tensor:
    """LayerNorm without affine over the last axis, in fp32 under autocast."""
    with torch.autocast(x.device.type, enabled=False):
        return F.layer_norm(x.float(), x.shape[-1:])
