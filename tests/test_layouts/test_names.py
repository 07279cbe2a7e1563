"""Names of detectron2's ViTDet become ours."""

import pytest
import torch

from siameseim.downstream import SiameseIMSimplePyramid
from siameseim.layouts.names import ours_to_timm, timm_to_ours
from siameseim.layouts.vitdet import convert_vitdet, to_detectron2


@pytest.mark.parametrize('prefix', ['', 'backbone.'])
def test_detectron2_levels_are_named_by_stride(prefix):
    names = {
        'simfp_2.0.weight': 'levels.0.resample.0.weight',
        'simfp_2.4.weight': 'levels.0.lateral.weight',
        'simfp_3.1.norm.bias': 'levels.1.lateral_norm.bias',
        'simfp_4.1.weight': 'levels.2.output.weight',
        'simfp_5.2.norm.weight': 'levels.3.output_norm.weight',
        'net.blocks.1.attn.rel_pos_h': 'layers.1.attn.rel_pos_h',
    }
    state = {prefix + name: torch.ones(1) for name in names}
    state['roi_heads.x'] = torch.ones(1)  # of a whole detector, left out
    backbone, pyramid = convert_vitdet(state, (4.0, 2.0, 1.0, 0.5), 16)
    assert [*pyramid, *backbone] == [*names.values()]
    own = SiameseIMSimplePyramid(16).state_dict()
    assert pyramid.keys() <= own.keys()


@pytest.mark.parametrize(
    ('patch_size', 'stages'),
    [
        (16, [2, 3, 4, 5]),
        (8, [1, 2, 3, 4]),
        (12, [1, 2, 3, 4]),  # strides 3, 6, 12, 24
        (14, [1, 2, 3, 4]),  # strides 3.5, 7, 14, 28
        (20, [2, 3, 4, 5]),  # strides 5, 10, 20, 40
    ],
)
def test_levels_of_any_patch_size_are_found(patch_size, stages):
    """detectron2 names a level by the whole part of log2 of its stride."""
    names = ['0.weight', '0.weight', '0.weight', '1.weight']
    state = {
        f'simfp_{stage}.{name}': torch.ones(1)
        for stage, name in zip(stages, names, strict=True)
    }
    _, pyramid = convert_vitdet(state, (4.0, 2.0, 1.0, 0.5), patch_size)
    assert [*pyramid] == [
        'levels.0.resample.0.weight',
        'levels.1.resample.0.weight',
        'levels.2.lateral.weight',
        'levels.3.lateral.weight',
    ]
    assert [*to_detectron2({}, pyramid, patch_size)] == [*state]


@pytest.mark.parametrize(
    ('timm', 'ours'),
    [
        ('patch_embed.proj.weight', 'patch_embed.projection.weight'),
        ('blocks.3.norm1.bias', 'layers.3.ln1.bias'),
        ('blocks.3.mlp.fc2.weight', 'layers.3.ffn.layers.1.weight'),
        ('blocks.3.ls1.gamma', 'layers.3.attn.gamma1.weight'),
        ('blocks.3.attn.qkv.weight', 'layers.3.attn.qkv.weight'),
        ('norm.weight', 'ln1.weight'),
        ('fc_norm.bias', 'ln2.bias'),
        ('cls_token', 'cls_token'),
    ],
)
def test_names_of_timm_and_ours_stand_for_each_other(timm, ours):
    assert timm_to_ours(timm) == ours
    assert ours_to_timm(ours) == timm
