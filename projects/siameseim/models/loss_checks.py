"""Turns what a loss cannot use into errors that say what to change."""

from typing import Any

import torch
from mmengine.utils import is_list_of
from torch import Tensor, nn

from ..errors import InputError
from .vit import SiameseIMViT


def check_batch(
    backbone: SiameseIMViT,
    inputs: list[Tensor],
    data_samples: dict[str, Tensor],
) -> None:
    """Refuse a batch that ``SiameseIM.loss`` cannot use.

    Raises:
        InputError: naming the part of the pipeline that does not fit, or
            weights that are not kept in fp32.
    """
    dtype = next(backbone.parameters()).dtype
    if dtype != torch.float32:
        raise InputError(
            f'the weights are {dtype}: pretraining keeps them in float32, '
            'without model.half() or model.bfloat16(), and computes in '
            'half precision under autocast (optim_wrapper.precision=bf16)'
        )
    needed = {'mask', 'visible', 'boxes', 'flips', 'source_width'}
    if not isinstance(data_samples, dict) or needed - data_samples.keys():
        raise InputError(
            f'data_samples must be a dict with {sorted(needed)}: end the '
            'pipeline with TwoViews, BlockMask and PackTwoViews and '
            "collate with dict(type='default_collate')"
        )
    if 'changes' in data_samples:
        raise InputError(
            'the changes of ViewPhotometric(on_device=True) were not '
            "made: give model.data_preprocessor type='ViewPreprocessor'"
        )
    count = 1 if isinstance(inputs, Tensor) else len(inputs)
    if count != 2:
        raise InputError(
            f'got {count} views, but the method predicts the second from '
            'the first: give TwoViews num_views=2, or hand on two of them '
            'in a loss of your own (docs/extending.md)'
        )
    sizes = [tuple(view.shape[-2:]) for view in inputs]
    if sizes != [tuple(backbone.img_size)] * 2:
        raise InputError(
            f'got views of {sizes} pixels, but the backbone was built '
            f'for img_size={backbone.img_size}: give TwoViews that '
            'size, or model.backbone.img_size and the grid of BlockMask '
            "the views'"
        )
    grid = tuple(data_samples['mask'].shape[-2:])
    if grid != tuple(backbone.patch_resolution):
        raise InputError(
            f'got masks of {grid} patches, but the backbone has a grid '
            f'of {tuple(backbone.patch_resolution)}: give BlockMask '
            'that grid'
        )


def checked_losses(head: nn.Module, losses: Any) -> dict[str, Tensor]:
    """What a head returned, if it can be minimised.

    Raises:
        InputError: if it is no dict of tensors, or has no loss.
    """
    returned = f'{type(head).__name__}.loss returned'
    if not isinstance(losses, dict) or not any('loss' in n for n in losses):
        raise InputError(
            f'{returned} '
            f'{sorted(losses) if isinstance(losses, dict) else losses}: '
            "it must be a dict of scalars, in which those with 'loss' in "
            'their name are summed and minimised'
        )
    for name, value in losses.items():
        if not (isinstance(value, Tensor) or is_list_of(value, Tensor)):
            raise InputError(
                f'{returned} {name}={value} ({type(value).__name__}): '
                'values must be tensors'
            )
    return losses
