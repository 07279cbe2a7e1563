"""For this package, mmpretrain and mmseg."""

from typing import Any

import torch

from ..plain_vit import PlainViT
from .target import Target, require_head

PRETRAINED = " with init_cfg=dict(type='Pretrained', checkpoint=FILE)"
NO_CLS = (
    'patches do not attend to one there, so features are those of '
    'SiameseIMViT(with_cls_token=False)'
)


def siameseim(vit: PlainViT) -> Target:
    """The backbone of this package, ``SiameseIMViT`` or ViTDet's."""
    config = _config('SiameseIMViT', vit, vit.feature)
    if vit.tables:  # positions are fitted to the tables' size on loading
        cfg = dict(vit.settings, img_size=vit.trained_size)
        config = text(dict(type='SiameseIMViTDet', **cfg))
    features = 'the map' if vit.tables else _FEATURES[vit.feature]
    return Target(
        dict(vit.tensors),
        f'siameseim.get_model(FILE) ({features}), or in a config {config}'
        f'{PRETRAINED}',
        notes=[] if vit.tables else _features(vit),
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
    config = _config('VisionTransformer', vit, vit.feature)
    return Target(dict(vit.tensors), config + PRETRAINED, notes=_features(vit))


def mmpretrain_classifier(vit: PlainViT) -> Target:
    """``mmpretrain.ImageClassifier`` with ``LinearClsHead``.

    Raises:
        ValueError: if the source has no classifier.
    """
    require_head(vit, "to='mmpretrain'")
    state = {f'backbone.{n}': t for n, t in vit.tensors.items()}
    cls_only = vit.has_cls and not vit.pools and not vit.takes_mean
    out_type = 'cls_token' if cls_only else vit.feature
    backbone = _config('VisionTransformer', vit, out_type)
    neck = "neck=dict(type='GlobalAveragePooling'), "
    state |= {f'head.fc.{n}': t for n, t in vit.head.items()}
    head = dict(
        type='LinearClsHead',
        num_classes=len(vit.head['weight']),
        in_channels=vit.arch['embed_dims'],
    )
    return Target(
        state,
        f'ImageClassifier(backbone={backbone}, '
        f'{neck if out_type == "featmap" else ""}head={text(head)}) '
        'with load_from=FILE',
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
    state = dict(vit.without('ln2.weight', 'ln2.bias').tensors)
    ones = torch.ones_like(state['layers.0.ln1.weight'])
    for i in range(arch['num_layers']):  # it always scales its residuals
        state |= {f'layers.{i}.gamma_{n}': ones for n in (1, 2)}
    return Target(state, text(cfg) + PRETRAINED)


def vit_sam(vit: PlainViT) -> Target:
    """``mmpretrain.ViTSAM`` with ``out_channels=0``."""
    own, state = vit.settings, vit.dense()
    state['pos_embed'] = state['pos_embed'].unflatten(1, vit.grid)
    cfg = dict(
        type='ViTSAM',
        arch=dict(vit.arch, global_attn_indexes=own.get('global_blocks', [])),
        **{k: own[k] for k in ('img_size', 'patch_size', 'in_channels')},
        out_channels=0,
        window_size=own.get('window_size', 0),
        use_rel_pos=bool(vit.tables),
        norm_cfg=own['norm_cfg'],
    )
    return Target(
        state,
        text(cfg) + PRETRAINED,
        notes=['ViTSAM has no cls token: ' + NO_CLS] if vit.has_cls else [],
    )


def _config(kind: str, vit: PlainViT, out_type: str) -> str:
    """The backbone's config for people."""
    return text(dict(type=kind, **vit.settings, out_type=out_type))


_FEATURES = {
    'featmap': 'mean of the patches',
    'avg_featmap': 'normed mean of the patches',
    'cls_token': 'the cls token',
}


def _features(vit: PlainViT) -> list[str]:
    """How the config's output differs from what ``get_model`` returns."""
    if vit.feature != 'featmap':
        return []
    return [
        'siameseim.get_model returns the mean over height and width of this '
        "config's map. out_type='avg_featmap' does not: it norms the mean by "
        "an ln2, which is not in the file. Nor does 'cls_token'"
    ]


def text(cfg: dict[str, Any]) -> str:
    """A config for people."""
    parts = [
        f'{name}={text(v) if isinstance(v, dict) else repr(v)}'
        for name, v in cfg.items()
    ]
    return f'dict({", ".join(parts)})'
