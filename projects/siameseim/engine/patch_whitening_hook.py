"""Gives the frozen patch embedding the statistics of the images."""

import torch
import torch.nn.functional as F
from mmengine.dist import broadcast
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import Tensor, nn

from ..datasets.pretrain_dataset import images_and_repeats
from ..errors import InputError
from ..layouts.load_backbone import split_init_cfg
from ..models import SiameseIM
from .unwrap import unwrapped


@HOOKS.register_module()
class PatchWhiteningHook(Hook):
    """Whitens the frozen patch embedding before the first step.

    Most of the variance of image patches is brightness, and a random frozen
    embedding passes it on; short runs then learn little else
    (docs/comparison.md; not in the paper). The embedding becomes a random
    rotation of ZCA whitening, measured on the patches of both views of
    images spread evenly over the training set. Its weights are part of every
    checkpoint; a run that resumes or starts from weights keeps theirs.

    Args:
        images (int): training images to measure on. Defaults to 512.
        ridge (float): added to each eigenvalue of the patches' covariance,
            in units of their average. Defaults to 0.1.

    Raises:
        ValueError: if ``images`` is not positive or ``ridge`` is negative.
        InputError: at the start of a run, if its model is not a SiameseIM.
    """

    def __init__(self, images: int = 512, ridge: float = 0.1) -> None:
        if images < 1 or not ridge >= 0:
            raise ValueError(
                f'PatchWhiteningHook: images={images} must be at least 1 and '
                f'ridge={ridge} at least 0'
            )
        self.images = images
        self.ridge = ridge

    def before_train(self, runner: Runner) -> None:
        """Set the weights of the online and the target branch."""
        model = unwrapped(runner.model)
        if not isinstance(model, SiameseIM):
            raise InputError(
                f'PatchWhiteningHook: the model is a {type(model).__name__}, '
                'not a SiameseIM: take the hook out of custom_hooks'
            )
        pretrained = split_init_cfg(model.backbone.init_cfg)[1]
        if runner._has_loaded or pretrained is not None:
            return
        projection = model.backbone.patch_embed.projection
        patches = self._patches(runner, model, projection.kernel_size)
        whiten_projection(projection, patches, self.ridge)
        for tensor in (projection.weight, projection.bias):
            broadcast(tensor.data)
        model.target.copy_from(model.backbone, model.neck.projector)
        runner.logger.info(
            f'patch embedding whitened on {len(patches):,} patches'
        )

    def _patches(
        self, runner: Runner, model: SiameseIM, size: tuple[int, int]
    ) -> Tensor:
        """(N, 3 * height * width) normalised patches; draws nothing."""
        loader = runner.train_dataloader
        different, _ = images_and_repeats(loader.dataset)
        step = max(1, different // self.images)
        chosen = range(0, different, step)[: self.images]
        batch = loader.collate_fn([loader.dataset[i] for i in chosen])
        views = model.data_preprocessor(batch, True)['inputs']
        rows = F.unfold(torch.cat(views), size, stride=size)
        return rows.transpose(1, 2).flatten(0, 1)


@torch.no_grad()
def whiten_projection(
    projection: nn.Conv2d, patches: Tensor, ridge: float
) -> None:
    """Make a patch embedding whiten, at the scale that it had.

    Args:
        projection (nn.Conv2d): with P = 3 * height * width inputs a patch
            and C channels; weight and bias are replaced.
        patches (Tensor): (N, P) float32, normalised as the model's input.
        ridge (float): as in ``PatchWhiteningHook``.

    Raises:
        InputError: if the patches vary in fewer than P directions and there
            is no ridge.
    """
    weight = projection.weight.flatten(1)  # (C, P)
    before = F.linear(patches, weight, projection.bias).square().mean()
    mean = patches.mean(dim=0)
    centred = patches - mean
    values, vectors = torch.linalg.eigh(centred.T @ centred / len(patches))
    values = values.clamp(min=0) + ridge * values.mean()
    if not values.min() > 1e-7 * values.max():
        raise InputError(
            f'{len(patches)} patches of {patches.shape[1]} values do not vary '
            f'in every direction: with ridge={ridge} they cannot be '
            'whitened; give more images or a ridge of 0.001 or more'
        )
    rotation = nn.init.orthogonal_(torch.empty_like(weight))
    white = rotation @ (vectors * values.rsqrt()) @ vectors.T
    white *= (before / (centred @ white.T).square().mean()).sqrt()
    projection.weight.copy_(white.view_as(projection.weight))
    assert projection.bias is not None  # as SiameseIMViT builds it
    projection.bias.copy_(-white @ mean)
