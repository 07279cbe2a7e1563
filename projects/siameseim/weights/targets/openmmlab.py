"""For this package, mmpretrain and mmseg."""

from typing import Any

from torch import Tensor

from ...convert.stock import to_mmseg_mae, to_vision_transformer, to_vit_sam
from ..plain_vit import PlainViT
from .target import Target


def siameseim(vit: PlainViT) -> Target:
    """The backbone of this package, ``SiameseIMViT``."""
    return Target(
        dict(vit.tensors),
        'siameseim.get_model(FILE) (mean of the patches), or in a config '
        f'{_config("SiameseIMViT", vit)} with '
        "init_cfg=dict(type='Pretrained', checkpoint=FILE)",
    )


def siameseim_pretraining(vit: PlainViT) -> Target:
    """The whole model of this package, with neck and target branch.

    Raises:
        ValueError: if the source has only a backbone.
    """
    if not vit.pretraining:
        raise ValueError(
            'the source has no neck and target branch, only a backbone: '
            "choose to='siameseim'"
        )
    state = {f'backbone.{n}': t for n, t in vit.tensors.items()}
    return Target(
        {**state, **vit.pretraining},
        'load_from=FILE in a pretraining config of these sizes',
    )


def mmpretrain(vit: PlainViT) -> Target:
    """``mmpretrain.VisionTransformer``."""
    return Target(
        to_vision_transformer(vit.tensors, vit.grid),
        f'{_config("VisionTransformer", vit)} with '
        "init_cfg=dict(type='Pretrained', checkpoint=FILE)",
    )


def mmpretrain_classifier(vit: PlainViT) -> Target:
    """``mmpretrain.ImageClassifier`` with ``LinearClsHead``.

    Raises:
        ValueError: if the source has no classifier.
    """
    _require_head(vit, "to='mmpretrain'")
    tensors = to_vision_transformer(vit.tensors, vit.grid)
    state: dict[str, Tensor] = {f'backbone.{n}': t for n, t in tensors.items()}
    state |= {f'head.fc.{n}': t for n, t in vit.head.items()}
    head = dict(
        type='LinearClsHead',
        num_classes=len(vit.head['weight']),
        in_channels=vit.arch['embed_dims'],
    )
    return Target(
        state,
        f'ImageClassifier(backbone={_config("VisionTransformer", vit)}, '
        f'head={_text(head)}) with load_from=FILE',
    )


def mmseg_mae(vit: PlainViT) -> Target:
    """``mmseg.MAE``, whose relative bias starts at zero.

    Raises:
        ValueError: if the MLP's width is no multiple of the width.
    """
    arch = vit.arch
    ratio, rest = divmod(arch['feedforward_channels'], arch['embed_dims'])
    if rest or len({*vit.patch_size}) > 1:
        raise ValueError(
            'mmseg.MAE takes a whole mlp_ratio and square patches only, but '
            f'this is a {vit.describe()}'
        )
    cfg = dict(
        type='MAE',
        img_size=vit.img_size,
        patch_size=vit.patch_size[0],
        in_channels=vit.in_channels,
        embed_dims=arch['embed_dims'],
        num_layers=arch['num_layers'],
        num_heads=vit.num_heads,
        mlp_ratio=ratio,
        final_norm=vit.has_final_norm,
        norm_cfg=dict(type='LN', eps=vit.norm_eps),
    )
    return Target(
        to_mmseg_mae(vit.without('ln2.weight', 'ln2.bias').tensors, vit.grid),
        f"{_text(cfg)} with init_cfg=dict(type='Pretrained', checkpoint=FILE)",
    )


def vit_sam(vit: PlainViT) -> Target:
    """``mmpretrain.ViTSAM`` with ``out_channels=0``."""
    dropped = ('ln1.weight', 'ln1.bias', 'ln2.weight', 'ln2.bias')
    return Target(
        to_vit_sam(vit.without(*dropped).tensors, vit.grid),
        f'ViTSAM(arch={_text(vit.arch)}, img_size={vit.img_size}, '
        f'patch_size={vit.patch_size[0]}, out_channels=0)',
        notes=['ViTSAM has no cls token: ' + NO_CLS] if vit.has_cls else [],
    )


NO_CLS = (
    'patches do not attend to one there, so features are those of '
    'SiameseIMViT(with_cls_token=False)'
)


def _require_head(vit: PlainViT, instead: str) -> None:
    if not vit.head:
        raise ValueError(
            f'the source has no classifier, only a backbone: choose {instead}'
        )


def _config(kind: str, vit: PlainViT) -> str:
    """The backbone's config for people."""
    size = vit.patch_size
    cfg: dict[str, Any] = dict(
        type=kind,
        arch=vit.arch,
        img_size=vit.img_size,
        patch_size=size[0] if len({*size}) == 1 else size,
        final_norm=vit.has_final_norm,
        out_type='avg_featmap' if vit.pools else 'cls_token',
    )
    if not vit.has_cls:
        cfg |= dict(with_cls_token=False, out_type='featmap')
    if vit.in_channels != 3:
        cfg['in_channels'] = vit.in_channels
    if vit.norm_eps != 1e-6:
        cfg['norm_cfg'] = dict(type='LN', eps=vit.norm_eps)
    return _text(cfg)


def _text(cfg: dict[str, Any]) -> str:
    parts = [
        f'{name}={_text(v) if isinstance(v, dict) else repr(v)}'
        for name, v in cfg.items()
    ]
    return f'dict({", ".join(parts)})'
