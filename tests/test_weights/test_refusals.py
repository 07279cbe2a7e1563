"""What cannot be converted is refused, and what is unsure is said."""

import argparse
import sys

import pytest
import torch
from mmengine.config import Config

from siameseim.downstream import SiameseIMViTDet
from siameseim.layouts.num_heads import find_num_heads
from siameseim.weights import convert_checkpoint, get_model, read_vit
from tests.vit_fixtures import TINY, prefixed, saved, tiny_vit


def convert(tmp_path, tensors, to, name='out.pth', **kwargs):
    file = saved(tmp_path / 'source.pth', tensors)
    kwargs.setdefault('num_heads', 2)
    return convert_checkpoint(file, tmp_path / name, to, **kwargs)


@pytest.mark.parametrize('to', ['mmpretrain', 'timm', 'mmseg-mae', 'onnx'])
def test_trained_relative_positions_are_not_lost_silently(to, tmp_path):
    tensors = tiny_vit(SiameseIMViTDet, window_size=2).state_dict()
    name = 'out.onnx' if to == 'onnx' else 'out.pth'
    with pytest.raises(ValueError, match=r'lossy: 8 trained.*allow-lossy'):
        convert(tmp_path, tensors, to, name)
    assert not (tmp_path / name).exists()


def test_allow_lossy_goes_on_and_says_so(tmp_path):
    tensors = tiny_vit(SiameseIMViTDet, window_size=2).state_dict()
    report = convert(tmp_path, tensors, 'mmpretrain', allow_lossy=True)
    assert '8 trained relative positions' in report.lossy[0]
    assert 'LOSSY' in str(report)
    written = torch.load(tmp_path / 'out.pth')['state_dict']
    assert not any('.rel_pos_' in name for name in written)


def test_untrained_relative_positions_are_dropped_with_a_word(tmp_path):
    model = tiny_vit(SiameseIMViTDet, window_size=2)
    tensors = {
        name: torch.zeros_like(t) if '.rel_pos_' in name else t
        for name, t in model.state_dict().items()
    }
    report = convert(tmp_path, tensors, 'mmpretrain')
    assert report.lossy == []
    assert 'all zero' in report.changed[0]


def test_a_missing_cls_token_is_lossy_where_one_is_needed(tmp_path):
    tensors = tiny_vit(with_cls_token=False, out_type='featmap').state_dict()
    with pytest.raises(ValueError, match='needs a cls token'):
        convert(tmp_path, tensors, 'huggingface', 'out')
    convert(tmp_path, tensors, 'timm', 'out')  # timm does without


def test_trained_relative_bias_of_mmseg_is_lossy(tmp_path):
    tensors = tiny_vit().state_dict()
    table = 'layers.0.attn.relative_position_bias_table'
    zero = {**tensors, table: torch.zeros(3, 2)}
    assert convert(tmp_path, zero, 'timm').lossy == []
    with pytest.raises(ValueError, match='trained relative position bias'):
        convert(tmp_path, {**tensors, table: torch.ones(3, 2)}, 'timm')


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        ({'reg_token': torch.ones(1, 4, 16)}, r"no plain ViT: has \['reg_t"),
        ({'layers.0.attn.q_norm.weight': torch.ones(8)}, 'q_norm'),
        ({'layers.1.ln1.bias': None}, r"missing \['layers\.1\.ln1\.bias'\]"),
    ],
)
def test_other_architectures_are_refused(change, message, tmp_path):
    tensors = {**tiny_vit().state_dict(), **change}
    tensors = {name: t for name, t in tensors.items() if t is not None}
    with pytest.raises(ValueError, match=message):
        convert(tmp_path, tensors, 'timm')


@pytest.mark.parametrize(
    ('to', 'name', 'message'),
    [
        ('tim', 'a.pth', r"format 'tim' is unknown: choose one of siameseim"),
        ('safetensors', 'a.pth', r'a\.pth must end with \.safetensors'),
        ('mmpretrain', 'a', r'must end with \.pth'),
        ('siameseim', 'source.pth', 'is the source itself'),
        ('mmpretrain-classifier', 'a.pth', 'no classifier, only a backbone'),
        ('published-finetuned', 'a.pth', 'no classifier, only a backbone'),
        ('siameseim-pretraining', 'a.pth', 'no neck and target branch'),
    ],
)
def test_impossible_requests_name_the_cure(to, name, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        convert(tmp_path, tiny_vit().state_dict(), to, name)


@pytest.mark.parametrize('to', ['mmpretrain-classifier', 'timm', 'onnx'])
def test_a_head_after_a_batch_norm_is_no_classifier_of_features(to, tmp_path):
    """What the linear probes save: their head takes normed features."""
    tensors = {
        **prefixed('backbone.', tiny_vit().state_dict()),
        'neck.bn.running_mean': torch.ones(16),
        'neck.bn.running_var': torch.ones(16),
        'head.fc.weight': torch.ones(3, 16),
        'head.fc.bias': torch.zeros(3),
    }
    file = saved(tmp_path / 'probe.pth', {'state_dict': tensors})
    reading = read_vit(file, num_heads=2)
    assert reading.vit.head == {} and reading.report.lossy == []
    assert 'BatchNorm (neck.bn)' in reading.report.notes[-1]
    get_model(file, num_heads=2)  # the backbone is as good as any
    if to == 'mmpretrain-classifier':
        with pytest.raises(ValueError, match='no classifier, only a backbone'):
            convert(tmp_path, {'state_dict': tensors}, to)
    else:
        if to == 'onnx':
            pytest.importorskip('onnxscript')
        name = 'out.onnx' if to == 'onnx' else 'out.pth'
        report = convert(tmp_path, {'state_dict': tensors}, to, name)
        assert 'head (2 tensors)' in report.dropped


def test_image_sizes_must_be_whole_patches(tmp_path):
    with pytest.raises(ValueError, match=r'\(18, 16\) is no multiple'):
        convert(tmp_path, tiny_vit().state_dict(), 'timm', img_size=(18, 16))


def test_positions_for_another_size_are_recomputed(tmp_path):
    tensors = tiny_vit().state_dict()
    report = convert(tmp_path, tensors, 'timm', img_size=(24, 16))
    assert 'recomputed' in report.changed[0]
    written = torch.load(tmp_path / 'out.pth')
    expected = tiny_vit(img_size=(24, 16)).pos_embed
    torch.testing.assert_close(written['pos_embed'], expected.detach())


@pytest.mark.parametrize(
    ('width', 'depth', 'extra', 'heads', 'origin'),
    [
        (1280, 32, {}, 16, 'every ViT-huge'),  # 80 wide heads
        (768, 12, {}, 12, 'every ViT-base'),
        (128, 3, {}, 2, 'ASSUMED'),
        (128, 3, {'config': {'num_attention_heads': 8}}, 8, 'config'),
        (128, 3, {'args': argparse.Namespace(num_heads=4)}, 4, 'args'),
        (
            1280,
            2,
            {'args': argparse.Namespace(model='vit_huge_patch14')},
            16,
            'vit_huge_patch14',
        ),
        # a name that is not of this width
        (
            384,
            2,
            {'args': argparse.Namespace(model='vit_base_patch16')},
            6,
            'ASSUMED',
        ),
        # the stock 'small', which is not ours
        (
            768,
            8,
            {'meta': {'cfg': "model = dict(backbone=dict(arch='small'))"}},
            8,
            'config in the file',
        ),
        (
            128,
            3,
            {'meta': {'cfg': "model = dict(backbone=dict(arch='deit-x'))"}},
            2,
            'ASSUMED',
        ),
    ],
)
def test_where_heads_are_from(width, depth, extra, heads, origin):
    tensors = {'patch_embed.projection.weight': torch.empty(width, 3, 4, 4)}
    tensors |= {f'layers.{i}.x': torch.empty(0) for i in range(depth)}
    found = find_num_heads(tensors, extra)
    assert found.number == heads
    assert origin in found.origin


@pytest.mark.parametrize('arch', ['base', dict(TINY, num_heads=8)])
def test_heads_are_read_from_the_config_mmengine_stores(arch, tmp_path):
    text = Config(
        dict(model=dict(backbone=dict(type='SiameseIMViT', arch=arch)))
    ).pretty_text
    width = 768 if arch == 'base' else 16
    tensors = {'patch_embed.projection.weight': torch.empty(width, 3, 4, 4)}
    found = find_num_heads(tensors, {'meta': {'cfg': text}})
    assert found.number == (12 if arch == 'base' else 8)
    assert 'config' in found.origin


@pytest.mark.parametrize('name', ['config', 'meta', 'preprocessor'])
@pytest.mark.parametrize('said', ['vit', ['vit'], None])
def test_what_others_say_in_another_form_is_passed_over(name, said, tmp_path):
    contents = {'state_dict': tiny_vit().state_dict(), name: said}
    vit = read_vit(saved(tmp_path / 'a.pth', contents), num_heads=2).vit
    assert vit.img_size == (16, 16)


def test_unknown_heads_are_asked_for(tmp_path):
    file = saved(tmp_path / 'a.pth', tiny_vit().state_dict())
    with pytest.raises(ValueError, match=r'unknown.*width 16.*--num-heads'):
        get_model(file)
    with pytest.raises(ValueError, match=r'is 3 \(given\).*width 16'):
        get_model(file, num_heads=3)


def test_a_guess_of_heads_is_not_kept_as_knowledge(shared, tmp_path):
    source = shared / 'reference/reference_finetuned.pth'  # 64 wide, 4 heads
    first, second = tmp_path / 'a.pth', tmp_path / 'b.pth'
    for file in (source, first):
        report = convert_checkpoint(file, second, 'siameseim')
        assert 'WARNING: 1 heads: ASSUMED' in report.notes[0]
        second.rename(first)
    convert_checkpoint(source, first, 'siameseim', num_heads=4)
    report = convert_checkpoint(first, second, 'siameseim')
    assert report.notes[0] == '4 heads: from the file'


def test_the_licence_of_published_weights_goes_with_them(shared, tmp_path):
    source = shared / 'reference/reference_finetuned.pth'
    first, second = tmp_path / 'a.safetensors', tmp_path / 'b.pth'
    report = convert_checkpoint(source, first, 'safetensors', num_heads=4)
    assert 'CC-BY-NC' in str(report)
    report = convert_checkpoint(first, second, 'published')
    assert 'CC-BY-NC' in str(report)
    assert read_vit(str(second)).vit.noncommercial


def test_without_safetensors_no_empty_folder_is_left(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'safetensors.torch', None)
    with pytest.raises(ImportError, match='pip install safetensors'):
        convert(tmp_path, tiny_vit().state_dict(), 'huggingface', 'vit')
    assert not (tmp_path / 'vit').exists()


def test_a_folder_of_another_model_is_refused(tmp_path):
    safetensors = pytest.importorskip('safetensors.torch')
    safetensors.save_file({'a': torch.ones(1)}, tmp_path / 'model.safetensors')
    (tmp_path / 'config.json').write_text('{"model_type": "beit"}')
    with pytest.raises(ValueError, match="model of type 'beit'"):
        get_model(tmp_path)
