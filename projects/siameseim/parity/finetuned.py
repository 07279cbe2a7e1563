"""Compares a fine-tuned classifier with a published checkpoint's outputs."""

from pathlib import Path
from typing import Any

import torch
from mmpretrain.models import ImageClassifier
from torch import Tensor

from ..weights.reading import read_vit
from ..weights.targets.openmmlab import mmpretrain_classifier
from .report import Row, absolute_deviation

_TOLERANCE = 1e-4


def checkpoint_of(file: Path) -> Path:
    """The checkpoint of an outputs file: ``X_io.pt`` belongs to ``X.pth``.

    Raises:
        FileNotFoundError: if it does not lie beside the file.
    """
    checkpoint = file.with_name(f'{file.stem.removesuffix("_io")}.pth')
    if not checkpoint.is_file():
        raise FileNotFoundError(
            f'{file} holds inputs and outputs only; its checkpoint '
            f'{checkpoint} must lie beside it'
        )
    return checkpoint


@torch.no_grad()
def compare(contents: dict[str, Any], checkpoint: Path) -> list[Row]:
    """Classify the file's input with its checkpoint.

    Args:
        contents (dict[str, Any]): a loaded ``*_io.pt``: config, input,
            logits, tokens_before_norm.
        checkpoint (Path): the fine-tuned weights in the published layout.

    Returns:
        list[Row]: largest absolute deviation of logits and tokens.
    """
    model = build(contents['config'], checkpoint)
    ours: dict[str, Tensor] = {}
    model.backbone.layers[-1].register_forward_hook(
        lambda module, args, output: ours.update(tokens_before_norm=output)
    )
    ours['logits'] = model(contents['input'], mode='tensor')
    return [
        Row(
            name.replace('_', ' '),
            absolute_deviation(tensor, contents[name]),
            _TOLERANCE,
        )
        for name, tensor in ours.items()
    ]


def build(config: dict[str, Any], checkpoint: Path) -> ImageClassifier:
    """The classifier that the checkpoint holds, in eval mode."""
    size = config['img_size']
    vit = read_vit(
        str(checkpoint),
        num_heads=config['num_heads'],
        img_size=(size, size) if isinstance(size, int) else tuple(size),
    ).vit
    backbone = dict(
        vit.settings,
        type='SiameseIMViT',
        norm_cfg=dict(type='LN', eps=config['ln_eps']),
        # without pooling the published model norms all tokens and classifies
        # the cls token
        out_type='avg_featmap' if config['global_pool'] else 'cls_token',
    )
    head = dict(
        type='LinearClsHead',
        num_classes=config['num_classes'],
        in_channels=config['embed_dim'],
    )
    model = ImageClassifier(backbone, head=head)
    model.load_state_dict(mmpretrain_classifier(vit).state)
    return model.eval()
