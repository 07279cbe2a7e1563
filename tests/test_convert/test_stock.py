"""The same weights give the same features in every class that holds them."""

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.models import VisionTransformer, ViTSAM
from mmpretrain.registry import MODELS

from siameseim.convert import to_mmseg_mae, to_vision_transformer, to_vit_sam
from siameseim.downstream import SiameseIMViTDet
from siameseim.models import SiameseIMViT
from tests.vit_fixtures import SIZES, TINY, saved, tiny_vit

SHAPES = [(16, 16), (16, 24), (28, 12)]


def features(model, images):
    model.eval()
    with torch.no_grad():
        return model(images)[-1]


@pytest.fixture(params=SHAPES)
def images(request):
    torch.manual_seed(1)
    return torch.randn(2, 3, *request.param)


@pytest.mark.parametrize('toolbox', ['mmpretrain', 'mmdet', 'mmseg'])
def test_adapters_of_all_toolboxes(toolbox, images, tmp_path):
    registry = pytest.importorskip(f'{toolbox}.registry').MODELS
    source = tiny_vit(out_type='featmap')
    file = saved(tmp_path / 'f.pth', source.state_dict())
    cfg = dict(
        type='SiameseIMViT',
        **SIZES,
        out_type='featmap',
        init_cfg=dict(type='Pretrained', checkpoint=file),
    )
    with DefaultScope.overwrite_default_scope(toolbox):
        adapter = registry.build(cfg)
    adapter.init_weights()
    torch.testing.assert_close(
        features(adapter, images), features(source, images)
    )


def test_stock_vision_transformer(images):
    ours = tiny_vit(out_type='featmap')
    stock = VisionTransformer(
        arch=TINY,
        img_size=tuple(images.shape[2:]),
        patch_size=4,
        out_type='featmap',
        final_norm=False,
    )
    grid = (images.shape[2] // 4, images.shape[3] // 4)
    stock.load_state_dict(to_vision_transformer(ours.state_dict(), grid))
    torch.testing.assert_close(
        features(stock, images), features(ours, images), rtol=0, atol=1e-5
    )


def test_stock_vit_sam_without_windows(images):
    ours = tiny_vit(out_type='featmap', with_cls_token=False)
    stock = ViTSAM(
        arch={**TINY, 'global_attn_indexes': []},
        img_size=tuple(images.shape[2:]),
        patch_size=4,
        out_channels=0,
        window_size=0,
        use_rel_pos=False,
    )
    grid = (images.shape[2] // 4, images.shape[3] // 4)
    with_cls = tiny_vit().state_dict()
    assert 'cls_token' in with_cls
    stock.load_state_dict(to_vit_sam(with_cls, grid))  # drops the cls token
    stock.load_state_dict(to_vit_sam(ours.state_dict(), grid))
    torch.testing.assert_close(
        features(stock, images), features(ours, images), rtol=0, atol=1e-5
    )


def test_stock_mmseg_mae_with_zero_relative_bias(images):
    backbones = pytest.importorskip('mmseg.models.backbones')
    ours = tiny_vit(out_type='featmap')
    stock = backbones.MAE(
        img_size=tuple(images.shape[2:]),
        patch_size=4,
        embed_dims=16,
        num_layers=4,
        num_heads=2,
        mlp_ratio=2,
        norm_cfg=dict(type='LN', eps=1e-6),
    )
    grid = (images.shape[2] // 4, images.shape[3] // 4)
    result = stock.load_state_dict(
        to_mmseg_mae(ours.state_dict(), grid), strict=False
    )
    assert not result.unexpected_keys
    assert all('relative_position' in name for name in result.missing_keys)
    torch.testing.assert_close(
        features(stock, images), features(ours, images), rtol=0, atol=1e-5
    )


def test_a_stock_vision_transformer_loads_back(images, tmp_path):
    stock = VisionTransformer(
        arch=TINY,
        img_size=tuple(images.shape[2:]),
        patch_size=4,
        out_type='featmap',
        final_norm=False,
    )
    torch.nn.init.normal_(stock.pos_embed)
    file = saved(tmp_path / 'f.pth', {'state_dict': stock.state_dict()})
    ours = SiameseIMViT(
        arch=TINY,
        img_size=tuple(images.shape[2:]),
        patch_size=4,
        out_type='featmap',
        init_cfg=dict(type='Pretrained', checkpoint=file),
    )
    ours.init_weights()
    torch.testing.assert_close(features(ours, images), features(stock, images))


def test_vitdet_weights_load_back_from_vit_sam(tmp_path, images):
    shape = tuple(images.shape[2:])
    ours = tiny_vit(SiameseIMViTDet, img_size=shape, window_size=3)
    grid = (shape[0] // 4, shape[1] // 4)
    file = saved(tmp_path / 'f.pth', to_vit_sam(ours.state_dict(), grid))
    again = SiameseIMViTDet(
        arch=TINY,
        img_size=shape,
        patch_size=4,
        window_size=3,
        init_cfg=dict(type='Pretrained', checkpoint=file),
    )
    again.init_weights()
    torch.testing.assert_close(features(again, images), features(ours, images))


def test_relative_positions_that_would_be_lost_are_refused():
    tensors = tiny_vit(SiameseIMViTDet).state_dict()
    with pytest.raises(ValueError, match='rel_pos_h, are not zero'):
        to_vision_transformer(tensors, (4, 4))
    for name in tensors:
        if '.rel_pos_' in name:
            tensors[name] = torch.zeros_like(tensors[name])
    converted = to_vision_transformer(tensors, (4, 4))
    assert not any('.rel_pos_' in name for name in converted)


def test_a_classifier_of_stock_parts_loads_a_backbone(tmp_path):
    file = saved(tmp_path / 'f.pth', tiny_vit().state_dict())
    model = MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(
                type='SiameseIMViT',
                **SIZES,
                out_type='avg_featmap',
                init_cfg=dict(type='Pretrained', checkpoint=file),
            ),
            head=dict(type='LinearClsHead', num_classes=3, in_channels=16),
        )
    )
    model.init_weights()
    torch.testing.assert_close(
        model.backbone.layers[2].ln1.bias, tiny_vit().layers[2].ln1.bias
    )
