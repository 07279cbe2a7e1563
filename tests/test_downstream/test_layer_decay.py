"""Learning rates and weight decay of every parameter, in each toolbox."""

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from torch import nn

from siameseim.downstream import SiameseIMMultiScaleViT, SiameseIMViTDet
from siameseim.errors import InputError
from siameseim.models import SiameseIMViT
from tests.vit_fixtures import SIZES

RATE, LR, DECAY = 0.5, 1.0, 0.1


class Model(nn.Module):
    """Any toolbox's model: a backbone and a head."""

    def __init__(self, backbone):
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(2, 2)


def groups_of(model, scope='mmpretrain', **paramwise):
    cfg = dict(
        type='OptimWrapper',
        constructor='BackboneLayerDecay',
        optimizer=dict(type='AdamW', lr=LR, weight_decay=DECAY),
        paramwise_cfg=dict(layer_decay_rate=RATE, **paramwise),
    )
    with DefaultScope.overwrite_default_scope(scope):
        optimizer = build_optim_wrapper(model, cfg).optimizer
    return {group['param_name']: group for group in optimizer.param_groups}


@pytest.mark.parametrize('scope', ['mmpretrain', 'mmdet', 'mmseg'])
def test_rates_follow_the_formula_in_every_toolbox(scope):
    if scope != 'mmpretrain':
        pytest.importorskip(scope)
    model = Model(SiameseIMMultiScaleViT(**SIZES))
    rates = {n: g['lr'] for n, g in groups_of(model, scope).items()}
    assert rates['backbone.cls_token'] == LR * RATE**5
    assert rates['backbone.patch_embed.projection.weight'] == LR * RATE**5
    for i in range(4):
        name = f'backbone.layers.{i}.ffn.layers.1.weight'
        assert rates[name] == LR * RATE ** (4 - i)
    assert rates['backbone.resample.0.0.weight'] == LR
    assert rates['head.weight'] == rates['head.bias'] == LR


@pytest.mark.parametrize(
    ('backbone', 'position'),
    [(SiameseIMViTDet, 'rel_pos'), (SiameseIMViT, 'cls_token')],
)
def test_only_matrices_are_decayed(backbone, position):
    model = Model(backbone(**SIZES))
    model.head.scale = nn.Parameter(torch.ones(2))  # of no norm, no bias
    groups = groups_of(model)
    for name, group in groups.items():
        matrix = position not in name and group['params'][0].ndim > 1
        assert group['weight_decay'] == (DECAY if matrix else 0), name
    assert any(position in name for name in groups)


def test_settings_of_the_user_win():
    groups = groups_of(
        Model(SiameseIMViT(**SIZES)),
        bias_decay_mult=1.0,
        custom_keys=dict(cls_token=dict(decay_mult=0.5)),
    )
    assert groups['backbone.cls_token']['weight_decay'] == DECAY / 2
    assert groups['head.bias']['weight_decay'] == DECAY


def test_every_trained_parameter_is_in_one_group():
    model = Model(SiameseIMViTDet(**SIZES, frozen_stages=2))
    grouped = [p for g in groups_of(model).values() for p in g['params']]
    trained = [p for p in model.parameters() if p.requires_grad]
    assert sorted(map(id, grouped)) == sorted(map(id, trained))


def test_what_is_missing_is_named():
    model = Model(SiameseIMViT(**SIZES))
    with pytest.raises(ValueError, match='lr_mult'):
        groups_of(model, custom_keys=dict(head=dict(lr_mult=2)))
    with pytest.raises(ValueError, match=r"\['layer_decay_rat'\], which"):
        groups_of(model, layer_decay_rat=0.5)
    with pytest.raises(ValueError, match='backbone of Linear is NoneType'):
        groups_of(nn.Linear(1, 1))
    cfg = dict(constructor='BackboneLayerDecay', optimizer=dict(type='SGD'))
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        with pytest.raises(ValueError, match='layer_decay_rate'):
            build_optim_wrapper(model, dict(cfg))
        cfg['paramwise_cfg'] = dict(layer_decay_rate=1)
        with pytest.raises(ValueError, match='weight_decay'):
            build_optim_wrapper(model, dict(cfg))


def test_a_custom_key_of_no_parameter_is_refused():
    model = Model(SiameseIMMultiScaleViT(**SIZES))
    with pytest.raises(InputError, match="'haed'.* did you mean head"):
        groups_of(model, custom_keys=dict(haed=dict(decay_mult=0.5)))
