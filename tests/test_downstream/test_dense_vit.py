"""The adapter's maps, any input size, freezing, checkpointing."""

import pytest
import torch
import torch.nn.functional as F

from siameseim.downstream import (
    SiameseIMDenseViT,
    SiameseIMMultiScaleViT,
    SiameseIMViTDet,
)
from siameseim.downstream.dense_vit import spread_over_depth
from siameseim.errors import InputError
from siameseim.models import SiameseIMViT
from tests.vit_fixtures import SIZES, TINY, tiny_vit


@pytest.mark.parametrize(
    ('depth', 'blocks'),
    [(12, [3, 5, 7, 11]), (24, [7, 11, 15, 23]), (4, [0, 1, 2, 3])],
)
def test_default_blocks_are_those_of_the_segmentation_recipe(depth, blocks):
    model = SiameseIMDenseViT(
        **{**SIZES, 'arch': {**TINY, 'num_layers': depth}}
    )
    assert model.out_indices == blocks


def test_a_depth_without_four_blocks_asks_for_a_choice():
    with pytest.raises(ValueError, match='3 blocks.*out_indices'):
        spread_over_depth(3)


def test_maps_are_the_outputs_of_the_blocks():
    model = tiny_vit(SiameseIMDenseViT, out_indices=(1, -1))
    images = torch.randn(2, 3, 16, 24)
    tokens, _ = model._embed(images)
    tokens = model._prepend_cls(tokens)
    expected = []
    for layer in model.layers:
        tokens = layer(tokens)
        expected.append(tokens[:, 1:].mT.reshape(2, 16, 4, 6))
    first, last = model(images)
    torch.testing.assert_close(first, expected[1])
    torch.testing.assert_close(last, expected[3])


def test_odd_sizes_are_padded_not_squashed():
    model = tiny_vit(SiameseIMDenseViT)
    images = torch.randn(1, 3, 13, 18)
    padded = F.pad(images, (0, 2, 0, 3))
    for ours, expected in zip(model(images), model(padded), strict=True):
        assert ours.shape == (1, 16, 4, 5)
        torch.testing.assert_close(ours, expected)


def test_padding_is_reported_once_with_the_cure(monkeypatch):
    lines = []
    monkeypatch.setattr('siameseim.downstream.dense_vit.tell', lines.append)
    model = tiny_vit(SiameseIMDenseViT)
    model(torch.randn(1, 3, 16, 16))
    assert not lines
    for _ in range(2):
        model(torch.randn(1, 3, 16, 18))
    assert len(lines) == 1 and 'size_divisor=4' in lines[0]


@pytest.mark.parametrize('stages', [0, 2, 4, 'all'])
def test_frozen_stages_get_no_gradient_and_stay_in_eval_mode(stages):
    model = SiameseIMDenseViT(
        **SIZES, frozen_stages=stages, drop_path_rate=0.5, final_norm=True
    )
    model.train()
    stages = 4 if stages == 'all' else stages
    stem = [*model.patch_embed.parameters(), model.cls_token, model.pos_embed]
    assert not any(parameter.requires_grad for parameter in stem)
    for number, layer in enumerate(model.layers, start=1):
        frozen = number <= stages
        assert layer.training is not frozen
        assert layer.attn.out_drop.training is not frozen
        for parameter in layer.parameters():
            assert parameter.requires_grad is not frozen
    assert model.ln1.weight.requires_grad is (stages < 4)
    outs = model(torch.randn(1, 3, 16, 16))
    assert any(out.requires_grad for out in outs) is (stages < 4)


def test_frozen_stages_are_so_before_an_optimizer_is_built():
    model = SiameseIMDenseViT(**SIZES, frozen_stages='all')
    assert not any(parameter.requires_grad for parameter in model.parameters())


@pytest.mark.parametrize(
    ('option', 'said'),
    [
        (dict(out_indices=4), 'blocks are 0 to 3'),
        (dict(out_indices=[0, 4]), 'blocks are 0 to 3'),
        (dict(out_indices=(-5,)), 'blocks are 0 to 3'),
        (dict(frozen_stages=5), 'frozen_stages=5.* 4 blocks'),
        (dict(frozen_stages=True), 'frozen_stages=True'),
    ],
)
def test_blocks_that_are_not_there_are_refused(option, said):
    with pytest.raises(InputError, match=said):
        SiameseIMDenseViT(**SIZES, **option)


def test_checkpointing_changes_no_gradient():
    gradients = []
    for with_cp in (False, True):
        model = tiny_vit(SiameseIMViT, with_cp=with_cp, drop_path_rate=0.5)
        model.train()
        torch.manual_seed(0)
        model(torch.ones(1, 3, 16, 16))[-1].square().sum().backward()
        gradients.append(
            [p.grad for p in model.parameters() if p.grad is not None]
        )
    assert len(gradients[0]) == 4 * 12 + 1
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize('cls', [SiameseIMDenseViT, SiameseIMViTDet])
def test_every_block_uses_fused_attention(cls, monkeypatch):
    fused, calls = F.scaled_dot_product_attention, []

    def counted(*args, **kwargs):
        calls.append(args)
        return fused(*args, **kwargs)

    monkeypatch.setattr(F, 'scaled_dot_product_attention', counted)
    tiny_vit(cls)(torch.randn(1, 3, 16, 16))
    assert len(calls) == 4


def test_multi_scale_maps_have_the_strides_of_a_resnet():
    plain = tiny_vit(SiameseIMDenseViT)
    model = SiameseIMMultiScaleViT(**SIZES).eval()
    model.load_state_dict(plain.state_dict(), strict=False)
    images = torch.randn(1, 3, 24, 16)
    maps, ours = plain(images), model(images)
    assert [tuple(m.shape[1:]) for m in ours] == [
        (4, 24, 16),
        (8, 12, 8),
        (16, 6, 4),
        (16, 3, 2),
    ]
    assert [m.shape[1] for m in ours] == model.out_channels
    torch.testing.assert_close(ours[2], maps[2])
    torch.testing.assert_close(ours[3], F.max_pool2d(maps[3], 2))


def test_multi_scale_makes_the_maps_of_its_scales_alone():
    four = SiameseIMMultiScaleViT(**SIZES).eval()
    three = SiameseIMMultiScaleViT(**SIZES, scales=(2, 1, 0.5)).eval()
    state = four.state_dict()
    for name in [n for n in state if n.startswith('resample.0.')]:
        del state[name]
    state = {
        n.replace('resample.1', 'resample.0'): t for n, t in state.items()
    }
    three.load_state_dict(state)
    images = torch.randn(1, 3, 24, 16)
    torch.testing.assert_close(three(images), four(images)[1:])
    assert three.out_channels == four.out_channels[1:]


@pytest.mark.parametrize('scales', [(4, 2, 1, 0.5), (2, 1, 0.5)])
def test_multi_scale_needs_a_block_for_each_scale(scales):
    with pytest.raises(ValueError, match='give as many of both'):
        SiameseIMMultiScaleViT(**SIZES, scales=scales, out_indices=(0, 1))
