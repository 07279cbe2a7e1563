"""BatchNorm over tokens, the norm of projector and predictor blocks."""

from typing import Any

import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce, get_world_size, is_distributed
from mmpretrain.registry import MODELS
from torch import Tensor, nn


class _MeanOverRanks(torch.autograd.Function):
    """Mean of a tensor over all ranks; its gradient is one as well."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        mean = x.clone()
        all_reduce(mean, op='mean')
        return mean

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        # Each rank's loss depends on the mean of all ranks' tensors.
        mean = gradient.clone()
        all_reduce(mean, op='mean')
        return mean


@MODELS.register_module()
class TokenBN(nn.Module):
    """BatchNorm whose rows are all (image, token) pairs of all ranks, fp32.

    It holds a BatchNorm instead of being one, since mmengine's
    ``sync_bn='torch'``, which ``tools/train.py`` sets for several GPUs, would
    replace a subclass.
    ``nn.SyncBatchNorm`` refuses CPU modules, so without that conversion the
    statistics are shared by a differentiable all-reduce.

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
        self.eps = eps
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
        """Normalise with the batch statistics of all ranks."""
        mean = _MeanOverRanks.apply(rows.mean(0))
        centred = rows - mean
        variance = _MeanOverRanks.apply(centred.square().mean(0))
        self._track(mean, variance, len(rows) * get_world_size())
        scale = self.bn.weight * torch.rsqrt(variance + self.eps)
        return torch.addcmul(self.bn.bias, centred, scale)

    @torch.no_grad()
    def _track(self, mean: Tensor, variance: Tensor, count: int) -> None:
        """Move the running buffers as BatchNorm does (unbiased variance)."""
        buffers = dict(self.bn.named_buffers())
        buffers['running_mean'].lerp_(mean, self.momentum)
        unbiased = variance * (count / (count - 1))
        buffers['running_var'].lerp_(unbiased, self.momentum)
        buffers['num_batches_tracked'].add_(1)


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


def layer_norm_fp32(x: Tensor, eps: float = 1e-5) -> Tensor:
    """LayerNorm without affine over the last axis, in fp32 under autocast."""
    with torch.autocast(x.device.type, enabled=False):
        return F.layer_norm(x.float(), x.shape[-1:], eps=eps)
