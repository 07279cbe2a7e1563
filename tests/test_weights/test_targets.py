"""What is written is opened by the real library and computes the same."""

import json

import numpy as np
import pytest
import torch
from mmpretrain.models import ImageClassifier, VisionTransformer, ViTSAM

from siameseim.weights import convert_checkpoint, get_model
from tests.vit_fixtures import assert_near


def convert(source, destination, to, **kwargs):
    size = source.sizes['img_size']
    if size[0] != size[1]:
        kwargs.setdefault('img_size', size)
    kwargs.setdefault('num_heads', source.heads)
    return convert_checkpoint(source.path, destination, to, **kwargs)


def arch_of(source):
    return source.model.arch_settings


@torch.no_grad()
def test_timm_folder_without_norm(pretrained, tmp_path):
    timm = pytest.importorskip('timm')
    convert(pretrained, tmp_path / 'timm', 'timm')
    model = timm.create_model(f'local-dir:{tmp_path}/timm', pretrained=True)
    tokens = model.eval().forward_features(pretrained.images)
    assert_near(tokens, pretrained.tokens)
    assert_near(model(pretrained.images), tokens[:, 1:].mean(1))


@torch.no_grad()
def test_huggingface_before_its_norm(pretrained, tmp_path):
    transformers = pytest.importorskip('transformers')
    report = convert(pretrained, tmp_path / 'hf', 'huggingface')
    model, info = transformers.ViTModel.from_pretrained(
        tmp_path / 'hf', add_pooling_layer=False, output_loading_info=True
    )
    assert not info['missing_keys'] and not info['unexpected_keys']
    outputs = model.eval()(pretrained.images, output_hidden_states=True)
    assert_near(outputs.hidden_states[-1], pretrained.tokens)
    normed = torch.nn.functional.layer_norm(
        pretrained.tokens, pretrained.tokens.shape[-1:], eps=1e-6
    )
    assert_near(outputs.last_hidden_state, normed, atol=1e-3)
    assert 'hidden_states[-1]' in str(report)


@torch.no_grad()
def test_huggingface_classifies_the_cls_token(cls_classifier, tmp_path):
    transformers = pytest.importorskip('transformers')
    convert(cls_classifier, tmp_path / 'hf', 'huggingface')
    model = transformers.ViTForImageClassification.from_pretrained(
        tmp_path / 'hf'
    )
    outputs = model.eval()(cls_classifier.images)
    assert_near(outputs.logits, cls_classifier.logits)


@torch.no_grad()
def test_huggingface_drops_a_classifier_of_the_mean(finetuned, tmp_path):
    transformers = pytest.importorskip('transformers')
    report = convert(finetuned, tmp_path / 'hf', 'huggingface')
    assert {'fc_norm (2 tensors)', 'head (2 tensors)'} <= {*report.dropped}
    model = transformers.ViTModel.from_pretrained(tmp_path / 'hf')
    outputs = model.eval()(finetuned.images, output_hidden_states=True)
    assert_near(outputs.hidden_states[-1], finetuned.tokens)
    config = json.loads((tmp_path / 'hf/config.json').read_text())
    assert config['num_attention_heads'] == finetuned.heads


@torch.no_grad()
def test_mmpretrain_vision_transformer(pretrained, tmp_path):
    file = tmp_path / 'm.pth'
    convert(pretrained, file, 'mmpretrain')
    model = VisionTransformer(
        arch=arch_of(pretrained),
        img_size=pretrained.sizes['img_size'],
        patch_size=pretrained.sizes['patch_size'],
        out_type='raw',
        final_norm=False,
    )
    model.load_state_dict(torch.load(file)['state_dict'])
    model.eval()
    tokens = model(pretrained.images)[-1]
    assert_near(tokens, pretrained.tokens)


@torch.no_grad()
def test_mmpretrain_image_classifier(classifier, tmp_path):
    file, cls = tmp_path / 'm.safetensors', classifier.pooling == 'cls'
    convert(classifier, file, 'mmpretrain-classifier')
    model = ImageClassifier(
        backbone=dict(
            type='VisionTransformer',
            arch=arch_of(classifier),
            img_size=classifier.sizes['img_size'],
            patch_size=classifier.sizes['patch_size'],
            out_type='cls_token' if cls else 'avg_featmap',
            final_norm=cls,
        ),
        head=dict(
            type='LinearClsHead',
            num_classes=5,
            in_channels=classifier.tokens.shape[-1],
        ),
    )
    safetensors = pytest.importorskip('safetensors.torch')
    model.load_state_dict(safetensors.load_file(file))
    model.eval()
    assert_near(model(classifier.images), classifier.logits)


@torch.no_grad()
def test_mmseg_mae_by_its_own_loader(pretrained, tmp_path):
    backbones = pytest.importorskip('mmseg.models.backbones')
    file = tmp_path / 'm.pth'
    convert(pretrained, file, 'mmseg-mae')
    arch, size = arch_of(pretrained), pretrained.sizes
    model = backbones.MAE(
        img_size=size['img_size'],
        patch_size=size['patch_size'],
        embed_dims=arch['embed_dims'],
        num_layers=arch['num_layers'],
        num_heads=arch['num_heads'],
        mlp_ratio=3,
        norm_cfg=dict(type='LN', eps=1e-6),
        init_cfg=dict(type='Pretrained', checkpoint=str(file)),
    )
    model.init_weights()
    model.eval()
    state = torch.load(file)['state_dict']
    result = model.load_state_dict(state, strict=False)
    assert not result.unexpected_keys
    assert all('relative_position' in name for name in result.missing_keys)
    maps = model(pretrained.images)[-1]
    assert_near(maps.flatten(2).mT, pretrained.tokens[:, 1:])


def test_onnx_runs_with_any_batch(finetuned, tmp_path):
    runtime = pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')
    file = tmp_path / 'm.onnx'
    convert(finetuned, file, 'onnx')
    session = runtime.InferenceSession(file)
    for batch in (1, 3):
        images = finetuned.images[:batch].numpy()
        tokens, _, logits = session.run(None, {'images': images})
        np.testing.assert_allclose(tokens, finetuned.tokens[:batch], atol=1e-3)
        np.testing.assert_allclose(logits, finetuned.logits[:batch], atol=1e-3)


@torch.no_grad()
def test_onnx_features_are_those_of_get_model(pretrained, tmp_path):
    runtime = pytest.importorskip('onnxruntime')
    pytest.importorskip('onnxscript')
    file = tmp_path / 'm.onnx'
    convert(pretrained, file, 'onnx')
    session = runtime.InferenceSession(file)
    images = {'images': pretrained.images.numpy()}
    (features,) = session.run(['features'], images)
    model = get_model(pretrained.path, num_heads=pretrained.heads)
    np.testing.assert_allclose(
        features, model(pretrained.images)[-1], atol=1e-3
    )


def test_others_may_read_a_safetensors_file_as_any(pretrained, tmp_path):
    (tmp_path / 'other').touch()
    file = tmp_path / 'm.safetensors'
    convert(pretrained, file, 'safetensors')
    assert file.stat().st_mode == (tmp_path / 'other').stat().st_mode


@torch.no_grad()
def test_vit_sam_without_windows(pretrained, tmp_path):
    file, size = tmp_path / 'm.pth', pretrained.sizes
    report = convert(pretrained, file, 'vitsam')
    assert 'no cls token' in report.notes[-1]
    model = ViTSAM(
        arch={**arch_of(pretrained), 'global_attn_indexes': []},
        img_size=size['img_size'],
        patch_size=size['patch_size'],
        out_channels=0,
        window_size=0,
        use_rel_pos=False,
    )
    model.load_state_dict(torch.load(file)['state_dict'])
    ours = get_model(file, num_heads=pretrained.heads, out_type='featmap')
    model.eval()
    assert_near(model(pretrained.images)[-1], ours(pretrained.images)[-1])
    # attention without the cls token is what differs from the source
    tokens = without_cls(pretrained)
    assert_near(ours(pretrained.images)[-1].flatten(2).mT, tokens)


def without_cls(source):
    """The source's blocks on its patches alone."""
    x, _ = source.model.patch_embed(source.images)
    x = x + source.model.pos_embed[:, 1:]
    for layer in source.model.layers:
        x = layer(x)
    return x
