"""Every layout loads completely, or loading fails and says why."""

import argparse

import pytest
import torch
from mmengine.runner.checkpoint import load_state_dict

from siameseim.downstream import SiameseIMDenseViT, SiameseIMViTDet
from siameseim.layouts.load_backbone import load_pretrained
from siameseim.models import SiameseIMViT
from tests.model_fixtures import tiny_model
from tests.vit_fixtures import (
    SIZES,
    TINY,
    assert_near,
    assert_same,
    prefixed,
    saved,
    tiny_vit,
    to_timm,
)

EXTRA = {'decoder_blocks.0.norm1.weight': torch.ones(3)}


def files(tensors):
    """(layout name, contents) of the layouts with one backbone."""
    timm, head = to_timm(tensors), {'head.fc.weight': torch.ones(1)}
    ours = prefixed('backbone.', tensors)
    norm = {'fc_norm.weight': torch.ones(16), 'fc_norm.bias': torch.ones(16)}
    args = argparse.Namespace()
    return {
        'mmpretrain': tensors,
        'mmpretrain classifier': {'state_dict': {**ours, **head}, 'meta': {}},
        'mmdet': {'state_dict': {**ours, 'rpn_head.a': torch.ones(1)}},
        'mmseg': {'state_dict': {**ours, 'decode_head.a': torch.ones(1)}},
        'timm': timm,
        'MAE': {'model': {**timm, **EXTRA}},
        'published fine-tuning': {'model': {**timm, **norm}, 'args': args},
        'wrapped': {'state_dict': prefixed('module.', ours)},
    }


@pytest.mark.parametrize('layout', files(tiny_vit().state_dict()))
def test_every_layout_loads_every_tensor(layout, tmp_path, log):
    source = tiny_vit()
    file = saved(tmp_path / 'f.pth', files(source.state_dict())[layout])
    model = SiameseIMViT(**SIZES)
    load_pretrained(model, file)
    assert_same(model.state_dict(), source.state_dict())
    count = len(source.state_dict())
    shown = 'mmpretrain' if layout == 'wrapped' else layout
    assert log[0] == (
        f'loaded {count} of {count} backbone tensors from {file} '
        f'({shown}, only branch)'
    )


@pytest.mark.parametrize('branch', [None, 'online', 'target'])
def test_branches_of_our_training_checkpoints(branch, tmp_path, log):
    trained = tiny_model()
    torch.nn.init.ones_(trained.target.backbone.layers[0].ln1.bias)
    file = saved(tmp_path / 'f.pth', {'state_dict': trained.state_dict()})
    model = SiameseIMViT(
        arch=trained.backbone.arch_settings, img_size=16, patch_size=4
    )
    load_pretrained(model, file, branch)
    wanted = trained.target if branch == 'target' else trained
    assert_same(model.state_dict(), wanted.backbone.state_dict())
    assert f'(SiameseIM training, {branch or "online"} branch)' in log[0]


@pytest.mark.parametrize(
    ('branch', 'key'), [('online', 'blocks'), ('target', 'mm_blocks')]
)
def test_branches_of_a_published_file(branch, key, shared, log):
    file = shared / 'reference/reference_checkpoint.pth'
    arch = dict(
        embed_dims=64, num_layers=3, num_heads=4, feedforward_channels=256
    )
    model = SiameseIMViT(arch=arch, img_size=64)
    load_pretrained(model, str(file), branch)
    state = torch.load(file, weights_only=True)['model']
    torch.testing.assert_close(
        model.layers[1].attn.qkv.weight, state[f'{key}.1.attn.qkv.weight']
    )
    assert 'loaded 40 of 40' in log[0]
    assert 'published pretraining' in log[0]
    assert 'CC-BY-NC' in log[-1]


def test_what_was_left_out_is_named(tmp_path, log):
    tensors = {**tiny_vit(final_norm=True).state_dict(), 'head.w': EXTRA}
    tensors['head.w'] = torch.ones(1)
    load_pretrained(SiameseIMViT(**SIZES), saved(tmp_path / 'f', tensors))
    assert 'outside the backbone: head (1)' in log[1]
    assert 'no place for: ln1.bias, ln1.weight' in log[1]


@torch.no_grad()
def test_layer_scales_of_the_file_are_folded_in(tmp_path, log):
    """Timm's own model with layer scale computes the same."""
    timm = pytest.importorskip('timm.models.vision_transformer')
    source = timm.VisionTransformer(
        img_size=16, patch_size=4, embed_dim=16, depth=4, num_heads=2,
        mlp_ratio=2, init_values=0.1,
    ).eval()  # fmt: skip
    for parameter in source.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    source.blocks[0].ls1.gamma[0] = 1  # one that changes nothing
    model = SiameseIMViT(**SIZES, final_norm=True).eval()
    load_pretrained(model, saved(tmp_path / 'f', source.state_dict()))
    images = torch.randn(2, 3, 16, 16)
    assert_near(model.encode(images), source.forward_features(images))
    assert log[-1] == '8 layer scales folded into weights'


@pytest.mark.parametrize(
    'name',
    [
        'reg_token',
        'layers.1.attn.q_norm.weight',
        'layers.1.attn.q_bias',
        'layers.1.attn.relative_position_bias_table',
        'layers.1.attn.rel_pos_h',
    ],
)
def test_what_features_need_but_the_model_lacks_is_refused(name, tmp_path):
    tensors = {**tiny_vit().state_dict(), name: torch.ones(3, 8)}
    file = saved(tmp_path / 'f', tensors)
    with pytest.raises(ValueError, match=f'no place for {name}'):
        load_pretrained(SiameseIMViT(**SIZES), file)


def test_new_parts_are_named_and_not_counted(tmp_path, log):
    file = saved(tmp_path / 'f.pth', tiny_vit().state_dict())
    model = SiameseIMViTDet(**SIZES, window_size=2)
    load_pretrained(model, file)
    assert log[0].startswith('loaded 51 of 51 ')
    assert 'initial values: layers.0.attn.rel_pos_h' in log[-1]
    assert not any('not in the file' in line for line in log)
    assert model.layers[0].attn.rel_pos_h.abs().max() == 0


def test_few_matches_raise_and_name_what_is_missing(tmp_path):
    tensors = tiny_vit().state_dict()
    for name in ('layers.0.ln1.bias', 'layers.1.ln1.bias', 'cls_token'):
        del tensors[name]
    file = saved(tmp_path / 'f.pth', tensors)
    with pytest.raises(ValueError, match=r'only 49 of 52.*layers\.1\.ln1') as (
        error
    ):
        load_pretrained(SiameseIMViT(**SIZES), file)
    assert 'left out' not in str(error.value)


@pytest.mark.parametrize(
    ('sizes', 'message'),
    [
        (
            dict(arch={**TINY, 'embed_dims': 32}),
            'embed_dims 16.*embed_dims 32',
        ),
        (dict(arch={**TINY, 'num_layers': 3}), 'num_layers 4.*num_layers 3'),
        (dict(patch_size=8), 'patch_size 4.*patch_size 8.*patch_size=4'),
        (dict(in_channels=1), 'in_channels 3.*in_channels 1'),
        (
            dict(arch={**TINY, 'feedforward_channels': 64}),
            'feedforward_channels 32.*feedforward_channels 64',
        ),
    ],
)
def test_another_size_raises_with_both_values(sizes, message, tmp_path):
    file = saved(tmp_path / 'f.pth', tiny_vit().state_dict())
    with pytest.raises(ValueError, match=message):
        load_pretrained(SiameseIMViT(**{**SIZES, **sizes}), file)


def test_a_file_without_a_vit_raises(tmp_path):
    file = saved(tmp_path / 'f.pth', {'layer1.conv.weight': torch.ones(1)})
    with pytest.raises(ValueError, match='patch embedding.*layer1.conv'):
        load_pretrained(SiameseIMViT(**SIZES), file)


def test_a_missing_file_is_named_with_the_cure():
    init_cfg = dict(type='Pretrained', checkpoint='absent.pth')
    model = SiameseIMViT(**SIZES, init_cfg=init_cfg)
    with pytest.raises(
        FileNotFoundError, match=r'absent\.pth.*backbone\.init_cfg\.checkpoint'
    ):
        model.init_weights()


def test_unknown_branches_and_prefixes_raise(tmp_path):
    tensors = tiny_vit().state_dict()
    one = saved(tmp_path / 'one.pth', tensors)
    two = saved(
        tmp_path / 'two.pth',
        {**prefixed('teacher.', tensors), **prefixed('student.', tensors)},
    )
    model = SiameseIMViT(**SIZES)
    with pytest.raises(ValueError, match="'ema' is unknown"):
        load_pretrained(model, one, branch='ema')
    with pytest.raises(ValueError, match='without branches'):
        load_pretrained(model, one, branch='target')
    with pytest.raises(ValueError, match=r"\['student\.', 'teacher\.'\]"):
        load_pretrained(model, two)
    with pytest.raises(ValueError, match="no backbone with the prefix 'ema'"):
        load_pretrained(model, two, prefix='ema')
    load_pretrained(model, two, prefix='teacher')


@pytest.mark.parametrize('cls', [SiameseIMViT, SiameseIMDenseViT])
def test_init_cfg_loads_and_is_not_overwritten(cls, tmp_path):
    source = tiny_vit()
    file = saved(tmp_path / 'f.pth', source.state_dict())
    init_cfg = dict(type='Pretrained', checkpoint=file)
    model = cls(**SIZES, init_cfg=[dict(type='Xavier', layer='x'), init_cfg])
    model.init_weights()
    assert_same(model.state_dict(), source.state_dict())
    assert model.init_cfg[1] == init_cfg  # by which hooks tell where it began


def test_unknown_fields_of_init_cfg_raise():
    init_cfg = dict(type='Pretrained', checkpoint='x', brnch='target')
    with pytest.raises(ValueError, match='brnch'):
        SiameseIMViT(**SIZES, init_cfg=init_cfg).init_weights()


def test_load_from_without_a_backbone_in_the_file_warns(log):
    model = tiny_model()
    state = tiny_vit().state_dict()  # no prefix, so nothing would match
    load_state_dict(model, {'model': state}, strict=False)
    assert 'no tensor named backbone.' in log[0]
    assert 'init_cfg' in log[0]
