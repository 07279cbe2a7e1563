"""A backbone built to the sizes of its checkpoint, for frozen features."""

import argparse
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmpretrain.registry import MODELS
from torch import nn

from ..engine.precision import PRECISIONS
from ..engine.quiet import one_liners
from ..errors import InputError
from ..layouts.normalisation import normalisation_of
from ..log import warn
from ..models import SiameseIMViT
from ..weights.reading import read_vit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let a tool's command line name a backbone and how it encodes."""
    parser.add_argument(
        'checkpoint', nargs='?', default='', help='any known layout; without '
        'it the untrained network of --config',
    )  # fmt: skip
    parser.add_argument(
        '--config', help='pretraining config, if the sizes need one'
    )
    parser.add_argument(
        '--num-heads', type=int, help='where the checkpoint does not tell it'
    )
    parser.add_argument('--branch', choices=['online', 'target'])
    parser.add_argument(
        '--image-size', '--img-size', type=int, help='pixels of the view'
    )
    parser.add_argument('--batch-size', type=int, default=256)
    parser.add_argument('--precision', choices=PRECISIONS, default='fp32')
    parser.add_argument('--device', help='cpu, cuda (a GPU if there is one)')


def from_arguments(args: argparse.Namespace) -> dict[str, Any]:
    """The ``backbone_config`` that a command line named."""
    return backbone_config(
        args.checkpoint,
        args.config,
        args.branch,
        args.image_size,
        args.num_heads,
    )


def backbone_config(
    checkpoint: str,
    config: str | None = None,
    branch: str | None = None,
    img_size: int | None = None,
    num_heads: int | None = None,
) -> dict[str, Any]:
    """What to build to have a checkpoint's backbone.

    Args:
        checkpoint (str): file of any layout ``load_pretrained`` knows, or
            '' for the untrained backbone of the config.
        config (str, optional): pretraining config with the architecture.
            Defaults to None: seen from the checkpoint.
        branch (str, optional): 'online' (the default) or 'target'.
        img_size (int, optional): pixels of the square view. Defaults to
            None: what the checkpoint was trained with.
        num_heads (int, optional): where the checkpoint does not tell it.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is no plain ViT, or its number of heads
            unknown, or given beside a config.
    """
    if config and num_heads:
        raise ValueError(
            f'--num-heads {num_heads}: {config} tells the number of heads: '
            'leave one of them out'
        )
    if config:
        backbone = dict(Config.fromfile(config).model.backbone)
    elif checkpoint:
        backbone = _as_in(checkpoint, branch, num_heads, img_size)
    else:
        raise ValueError('give a checkpoint or a config')
    if img_size:
        backbone['img_size'] = img_size
    if checkpoint:
        backbone['init_cfg'] = dict(
            type='Pretrained', checkpoint=checkpoint, branch=branch
        )
    return backbone


def checkpoint_of(backbone: dict[str, Any]) -> str:
    """The file that a backbone's config loads; '' for another beginning."""
    init = backbone.get('init_cfg')
    return init.get('checkpoint', '') if isinstance(init, dict) else ''


def frozen_backbone(
    cfg: dict[str, Any], device: str | None = None, seed: int = 0
) -> tuple[SiameseIMViT, nn.Module]:
    """Build a backbone, load its weights, and its data preprocessor.

    Args:
        cfg (dict): from ``backbone_config``.
        device (str, optional): defaults to None: a GPU if there is one.
        seed (int): of the weights that no checkpoint brings. Defaults to 0.

    Returns:
        tuple[SiameseIMViT, nn.Module]: both on the device; the second
        normalises as the checkpoint was trained.
    """
    torch.manual_seed(seed)
    backbone = MODELS.build(cfg)
    with one_liners():
        backbone.init_weights()
    backbone.requires_grad_(False)
    device = device or get_device()
    mean, std = normalisation_of(backbone)
    preprocessor = MODELS.build(
        dict(type='SelfSupDataPreprocessor', mean=mean, std=std)
    )
    return backbone.to(device), preprocessor.to(device)


def _as_in(
    checkpoint: str,
    branch: str | None,
    num_heads: int | None,
    img_size: int | None,
) -> dict[str, Any]:
    """Config of a backbone of the sizes in a file."""
    size = (img_size, img_size) if img_size else None
    try:
        reading = read_vit(checkpoint, branch, None, num_heads, size)
    except InputError:  # of the file, which no config mends
        raise
    except ValueError as error:
        raise ValueError(
            f'{error}; or give the config it was trained with: --config'
        ) from error
    if reading.vit.tables:
        raise ValueError(
            f'{checkpoint} is a ViTDet, whose windows are made for maps: '
            'features of an image need a plain ViT'
        )
    if reading.doubtful:
        warn(f'{checkpoint}: {"; ".join(reading.report.notes)}')
    return dict(
        type='SiameseIMViT',
        # features are means of tokens, so a norm only where the file has one
        out_type='avg_featmap' if reading.vit.pools else 'featmap',
        **reading.vit.settings,
    )
