"""The dense loss (method section 5)."""

import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce
from mmengine.model import BaseModule
from mmpretrain.registry import MODELS
from torch import Tensor

from ..errors import InputError
from .norm import layer_norm_fp32
from .whitening import whiten


def dense_loss(
    prediction: Tensor, target: Tensor, neg_weight: float
) -> tuple[Tensor, Tensor]:
    """Positive and weighted negative term over all patches, fp32.

    The negative term ``mean p C p'`` with ``C = T' T / N`` is the mean squared
    dot product of a prediction with every target. Through the D x D matrix C
    it costs O(N D^2) and the N x N matrix of all pairs is never built.

    Args:
        prediction (Tensor): (N, D) float32 predictions.
        target (Tensor): (N, D) float32 normalised targets, no gradient.
        neg_weight (float): lambda.

    Returns:
        tuple[Tensor, Tensor]: two scalars whose sum is the loss.
    """
    correlation = target.T @ target / len(target)  # (D, D)
    all_reduce(correlation, op='mean')
    positive = F.mse_loss(prediction, target)
    # mean over N and D of (P C) * P equals mean_n(p C p') / D. C is symmetric,
    # so the gradient is twice that of the second factor alone, and the
    # product need not be made once more in the backward pass.
    half = ((prediction.detach() @ correlation) * prediction).mean()
    negative = 2 * half - half.detach()
    return positive, neg_weight * negative


@MODELS.register_module()
class SiameseIMHead(BaseModule):
    """Normalises the target and computes the two loss terms.

    Args:
        neg_weight (float): weight lambda of the negative term.
            Defaults to 0.02.
        whiten_target (bool): whiten the normalised target in each batch, so
            that no direction outweighs the others. Not in the paper, for
            short runs (docs/comparison.md). Defaults to False.
        init_cfg (dict, optional): mmengine initialisation config.

    Raises:
        InputError: if ``neg_weight`` is no such weight.
    """

    def __init__(
        self,
        neg_weight: float = 0.02,
        whiten_target: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if not isinstance(neg_weight, int | float) or not neg_weight >= 0:
            raise InputError(
                f'neg_weight={neg_weight!r} of the head must be a number '
                'from 0 on, such as 0.02'
            )
        self.neg_weight = neg_weight
        self.whiten_target = whiten_target

    def loss(self, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Compare predicted and true features of view 2.

        Args:
            prediction (Tensor): (B, L, D).
            target (Tensor): (B, L, D), no gradient.

        Returns:
            dict[str, Tensor]: 'loss_pos' and 'loss_neg'; their sum is the
            loss.
        """
        with torch.autocast(prediction.device.type, enabled=False):
            rows = layer_norm_fp32(target).flatten(0, 1)  # (N, D)
            if self.whiten_target:
                rows = whiten(rows)
            positive, negative = dense_loss(
                prediction.float().flatten(0, 1), rows, self.neg_weight
            )
        return dict(loss_pos=positive, loss_neg=negative)
