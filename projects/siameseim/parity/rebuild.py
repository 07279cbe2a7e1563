"""The model and optimizer a reference file describes."""

from typing import Any

from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch import Tensor

from ..engine.optim_wrapper import AutocastOptimWrapper
from ..engine.param_groups import GroupedOptimWrapperConstructor
from ..models import SiameseIM


def build_model(config: dict[str, Any], state: dict[str, Tensor]) -> SiameseIM:
    """The registered model with the sizes and switches of a reference."""
    norms = {
        'BN': dict(
            type='TokenBN',
            eps=config['bn_eps'],
            momentum=config['bn_momentum'],
        ),
        'LN': dict(type='LN', eps=config['ln_eps']),
    }
    hidden = state['blocks.0.mlp.fc1.weight'].shape[0]
    decoder_hidden = state['predictor_decoder_blocks.0.mlp.fc1.weight']
    backbone = dict(
        type='SiameseIMViT',
        arch=dict(
            embed_dims=config['embed_dim'],
            num_layers=config['depth'],
            num_heads=config['num_heads'],
            feedforward_channels=hidden,
        ),
        img_size=config['img_size'],
        patch_size=config['patch_size'],
        norm_cfg=norms['LN'],
    )
    neck = dict(
        type='SiameseIMNeck',
        embed_dims=config['decoder_embed_dim'],
        num_heads=config['decoder_num_heads'],
        projector_depth=config['projector_depth'],
        predictor_depth=config['predictor_depth'],
        mlp_ratio=decoder_hidden.shape[0] / config['decoder_embed_dim'],
        projector_norm=norms[config['projector_norm']],
        predictor_norm=norms[config['predictor_norm']],
    )
    head = dict(type='SiameseIMHead', neg_weight=config['neg_weight'])
    return MODELS.build(
        dict(type='SiameseIM', backbone=backbone, neck=neck, head=head)
    )


def build_optimizer(
    config: dict[str, Any], model: SiameseIM
) -> AutocastOptimWrapper:
    """The recipe's AdamW (method section 6) with the file's settings."""
    cfg = dict(
        type='AutocastOptimWrapper',
        precision='fp32',
        constructor=GroupedOptimWrapperConstructor.__name__,
        optimizer=dict(
            type='AdamW',
            lr=config['lr'],
            betas=tuple(config['betas']),
            weight_decay=config['weight_decay'],
        ),
        paramwise_cfg=dict(bias_decay_mult=0.0, flat_decay_mult=0.0),
        clip_grad=dict(max_norm=config['clip_grad']),
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return build_optim_wrapper(model, cfg)
