"""There and back: the same tensors, names and features."""

import pytest
import torch
import torch.nn.functional as F

from siameseim.downstream import SiameseIMViTDet
from siameseim.layouts.layout import state_of
from siameseim.layouts.safe_load import load_file
from siameseim.parity.vitdet import build
from siameseim.weights import convert_checkpoint, get_model, read_vit
from tests.model_fixtures import tiny_model
from tests.vit_fixtures import (
    assert_near,
    assert_same,
    prefixed,
    saved,
    tiny_vit,
    to_timm,
)


def tensors_of(file):
    return state_of(load_file(str(file)))


@pytest.mark.parametrize(
    ('to', 'name'),
    [
        ('siameseim', 'a.pth'),
        ('safetensors', 'a.safetensors'),
        ('mmpretrain', 'a.pth'),
        ('mmseg-mae', 'a.pth'),
        ('timm', 'a'),
        ('timm', 'a.pth'),
        ('huggingface', 'a'),
        ('huggingface', 'a.safetensors'),
    ],
)
def test_a_backbone_returns_bit_for_bit(to, name, pretrained, tmp_path):
    size = pretrained.sizes['img_size']
    options = dict(num_heads=pretrained.heads, img_size=size)
    convert_checkpoint(pretrained.path, tmp_path / name, to, **options)
    back = tmp_path / 'back.pth'
    convert_checkpoint(tmp_path / name, back, 'published', **options)
    assert_same(tensors_of(back), tensors_of(pretrained.path))


@pytest.mark.parametrize('to', ['timm', 'mmpretrain-classifier'])
def test_a_classifier_returns_bit_for_bit(to, classifier, tmp_path):
    options = dict(
        num_heads=classifier.heads, img_size=classifier.sizes['img_size']
    )
    there, back = tmp_path / 'there.pth', tmp_path / 'back.pth'
    convert_checkpoint(classifier.path, there, to, **options)
    convert_checkpoint(there, back, 'published-finetuned', **options)
    assert_same(tensors_of(back), tensors_of(classifier.path))


def test_the_reference_checkpoint_becomes_ours_and_returns(shared, tmp_path):
    source = shared / 'reference/reference_checkpoint.pth'
    ours, back = tmp_path / 'ours.pth', tmp_path / 'back.pth'
    convert_checkpoint(source, ours, 'siameseim-pretraining', num_heads=4)
    report = convert_checkpoint(ours, back, 'published')
    # the target's mask token is never used and has no place in our model
    made_anew = ['mm_mask_token', 'decoder_pos_embed']
    assert_same(tensors_of(back), tensors_of(source), made_anew)
    assert_near(
        tensors_of(back)['decoder_pos_embed'],
        tensors_of(source)['decoder_pos_embed'],
        atol=1e-5,
    )
    assert any('mm_mask_token' in note for note in report.notes)


def test_our_pretraining_model_loads_strictly(tmp_path):
    model = tiny_model()
    file = saved(tmp_path / 'a.pth', {'state_dict': model.state_dict()})
    there, back = tmp_path / 'there.pth', tmp_path / 'back.pth'
    convert_checkpoint(file, there, 'published', num_heads=2)
    convert_checkpoint(there, back, 'siameseim-pretraining')
    other = tiny_model()
    other.load_state_dict(tensors_of(back))  # strict
    assert_same(other.state_dict(), model.state_dict())


def test_the_target_branch(tmp_path):
    model = tiny_model()
    torch.nn.init.normal_(model.target.backbone.layers[0].ln1.bias)
    file = saved(tmp_path / 'a.pth', {'state_dict': model.state_dict()})
    report = convert_checkpoint(
        file, tmp_path / 'b.pth', 'siameseim', 'target', num_heads=2
    )
    written = tensors_of(tmp_path / 'b.pth')
    assert_same(written, model.target.backbone.state_dict())
    assert 'target branch' in report.source


def test_every_tensor_of_the_other_branch_is_counted(tmp_path):
    model = tiny_model()
    file = saved(tmp_path / 'a.pth', {'state_dict': model.state_dict()})
    report = convert_checkpoint(
        file, tmp_path / 'b.pth', 'siameseim', num_heads=2
    )
    other = len(model.target.state_dict())
    assert f'target ({other} tensors)' in report.dropped


@torch.no_grad()
def test_vitdet_of_detectron2_both_ways(shared, tmp_path):
    source = shared / 'reference/reference_vitdet_a.pt'
    contents = torch.load(source, weights_only=True)
    ours, back = tmp_path / 'ours.pth', tmp_path / 'back.pth'
    convert_checkpoint(source, ours, 'vitdet')
    features = get_model(ours)(contents['input'])[-1]
    expected = contents['backbone_feature']
    assert_near(features, expected)
    assert_near(get_model(source)(contents['input'])[-1], expected)

    convert_checkpoint(ours, back, 'detectron2')
    returned = {
        name.removeprefix('backbone.'): tensor
        for name, tensor in torch.load(back)['model'].items()
    }
    assert_same(returned, contents['state'], ['net.pos_embed'])
    # its positions are now those of the full grid
    config = dict(contents['config'], pretrain_img_size=128)
    backbone, pyramid = build(
        {**contents, 'config': config, 'state': returned}
    )
    maps = backbone(contents['input'])
    assert_near(maps[-1], expected)
    levels = [*contents['pyramid'].values()]
    for level, reference in zip(pyramid(maps), levels, strict=True):
        assert_near(level, reference)


@torch.no_grad()
def test_positions_of_detectron2_are_interpolated_as_it_does(tmp_path):
    """Sin-cos ones too, which other files' backbones recompute."""
    source = tiny_vit(SiameseIMViTDet)
    state = prefixed('backbone.net.', to_timm(source.state_dict()))
    rows = source.pos_embed  # to which detectron2 adds one for a cls token
    state['backbone.net.pos_embed'] = F.pad(rows, (0, 0, 1, 0))
    file = saved(tmp_path / 'a.pth', {'model': state})
    grid = rows.mT.unflatten(2, (4, 4))
    expected = F.interpolate(grid, (6, 6), mode='bicubic').flatten(2).mT
    model = get_model(file, img_size=24)
    assert_near(model.pos_embed, expected, atol=1e-5)
    images = torch.randn(1, 3, 24, 24)
    assert_near(get_model(file)(images)[-1], model(images)[-1])


@torch.no_grad()
def test_a_model_saved_by_timm_is_read(tmp_path):
    timm = pytest.importorskip('timm')
    model = timm.create_model(
        'vit_tiny_patch16_224', depth=2, img_size=(32, 48), init_values=0.1
    ).eval()
    file = saved(tmp_path / 'a.pth', model.state_dict())
    ours = get_model(file, img_size=(32, 48), out_type='raw')
    images = torch.randn(2, 3, 32, 48)
    assert_near(ours(images)[-1], model.forward_features(images))
    notes = read_vit(file, img_size=(32, 48)).report.changed
    assert notes == ['4 layer scales folded into weights']


@torch.no_grad()
def test_a_trained_mae_of_mmseg_is_read(tmp_path):
    """Its residuals are scaled; its relative bias is left at zero."""
    backbones = pytest.importorskip('mmseg.models.backbones')
    torch.manual_seed(0)
    model = backbones.MAE(
        img_size=32, patch_size=8, embed_dims=16, num_layers=2, num_heads=2,
        mlp_ratio=2, out_indices=-1,
    )  # fmt: skip
    model.eval()  # returns None
    for name, parameter in model.named_parameters():
        if 'relative_position' not in name:
            torch.nn.init.normal_(parameter, std=0.3)
    file = saved(tmp_path / 'a.pth', model.state_dict())
    ours = get_model(file, num_heads=2, out_type='featmap')
    images = torch.randn(2, 3, 32, 32)
    assert_near(ours(images)[-1], model(images)[-1])


@torch.no_grad()
@pytest.mark.parametrize('saved_as', ['folder', 'state dict'])
def test_a_model_saved_by_transformers_is_read(saved_as, tmp_path):
    transformers = pytest.importorskip('transformers')
    config = transformers.ViTConfig(
        hidden_size=24,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=40,
        image_size=(32, 48),
        patch_size=8,
        num_labels=5,
        layer_norm_eps=1e-5,
    )
    model = transformers.ViTForImageClassification(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    source, options = tmp_path / 'hf', {}
    model.save_pretrained(source)
    if saved_as == 'state dict':
        source = saved(tmp_path / 'a.pth', model.state_dict())
        options = dict(num_heads=3, img_size=(32, 48))
    images = torch.randn(2, 3, 32, 48)
    cls = get_model(source, **options)(images)[-1]
    expected = model.vit(images).last_hidden_state[:, 0]
    # a state dict alone does not tell that eps is 1e-5
    atol = 1e-4 if saved_as == 'folder' else 1e-2
    assert_near(cls, expected, atol=atol)
    head = read_vit(str(source), **options).vit.head
    torch.testing.assert_close(head['weight'], model.classifier.weight)
