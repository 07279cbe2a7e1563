"""The target branch: a moving average of the online one (section 4)."""

import copy
from typing import Any

import torch
from mmcv.cnn.bricks.drop import DropPath
from mmpretrain.models.utils import MultiheadAttention
from torch import Tensor, nn
from torch.optim.sgd import sgd

from ..errors import InputError
from .neck import Projector
from .vit import SiameseIMViT


class MomentumTarget(nn.Module):
    """EMA copies of backbone and projector that encode the whole of view 2.

    Parameters are averaged; BatchNorm runs on batch statistics in train mode
    and keeps its own running buffers. Nothing here receives a gradient, and
    nothing is dropped: the features to predict are those of the whole network.
    """

    def __init__(self, backbone: SiameseIMViT, projector: Projector) -> None:
        super().__init__()
        self.backbone = copy.deepcopy(backbone)
        self.projector = copy.deepcopy(projector)
        self.requires_grad_(False)
        for module in self.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
            elif isinstance(module, DropPath):
                module.drop_prob = 0.0
            elif isinstance(module, MultiheadAttention):
                module.attn_drop = 0.0
        self._moved = False
        self._weights: tuple[list[Tensor], list[Tensor]] = [], []

    @torch.no_grad()
    def copy_from(self, backbone: nn.Module, projector: nn.Module) -> None:
        """Take over all weights and buffers of the online branch."""
        self.backbone.load_state_dict(backbone.state_dict())
        self.projector.load_state_dict(projector.state_dict())

    @torch.no_grad()
    def update(
        self,
        backbone: nn.Module,
        projector: nn.Module,
        momentum: float,
        skipped: Tensor | None = None,
    ) -> None:
        """Move the target by an exponential moving average, weights only.

        To ``momentum * target + (1 - momentum) * online``, up to rounding,
        also with a momentum of 0.

        Args:
            backbone (nn.Module): online backbone.
            projector (nn.Module): online projector.
            momentum (float): fraction of the old target that is kept.
            skipped (Tensor, optional): bool scalar on the same device: True
                where nothing is to move. Defaults to None: it moves.
        """
        targets, onlines = self._pairs(backbone, projector)
        if skipped is not None and skipped.device.type == 'mps':
            if skipped:  # on Apple's GPUs the kernel refuses the flag
                return
            skipped = None
        # A step of SGD down the gradient `target - online`: on a GPU a few
        # kernels for all weights, which read `skipped` on the device. What
        # is called a gradient is the online weight, here with the other
        # sign (maximize), to which the weight decay adds the target's.
        sgd(
            targets,
            onlines,
            [None] * len(targets),
            fused=True,
            lr=1 - momentum,
            weight_decay=1.0,
            maximize=True,
            momentum=0.0,  # of SGD: none
            dampening=0.0,
            nesterov=False,
            found_inf=None if skipped is None else skipped.float(),
        )
        self._moved = True

    def _pairs(
        self, backbone: nn.Module, projector: nn.Module
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Weights of both branches, in the same order.

        Kept, as walking through all modules takes the host milliseconds,
        until a model has others, as after loading with ``assign=True``.
        """
        target, online = next(self.parameters()), next(backbone.parameters())
        kept = [weights[0] for weights in self._weights if weights]
        if kept and kept[0] is target and kept[1] is online:
            return self._weights
        onlines = [*backbone.parameters(), *projector.parameters()]
        for target, online in zip(self.parameters(), onlines, strict=True):
            if target.stride() != online.stride():
                # the fused kernel reads both in the order of memory
                copied = torch.empty_like(online, dtype=target.dtype)
                target.data = copied.copy_(target)
        self._weights = [*self.parameters()], [*onlines]
        return self._weights

    def __getstate__(self) -> dict[str, Any]:
        """Copies and files do not take the online branch along."""
        return {**super().__getstate__(), '_weights': ([], [])}

    def forward(self, view2: Tensor) -> Tensor:
        """What is to be predicted: (B, L, D), as ``encode``."""
        return self.encode(view2)[1]

    @torch.no_grad()
    def encode(self, view2: Tensor) -> tuple[Tensor, Tensor]:
        """Features of all patches of view 2, cls dropped.

        Args:
            view2 (Tensor): (B, 3, height, width) normalised images.

        Returns:
            tuple[Tensor, Tensor]: (B, L, C) of the backbone and (B, L, D) of
            the projector.

        Raises:
            InputError: in training, if the target has never been moved.
        """
        if self.training and not self._moved:
            raise InputError(
                'the target branch never moved: add '
                "dict(type='MomentumTargetHook') to custom_hooks, or call "
                'model.update_target(momentum) before each optimizer step'
            )
        tokens = self.backbone.encode(view2)
        return tokens[:, 1:], self.projector(tokens)[:, 1:]
