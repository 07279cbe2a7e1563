"""The same weights give the same features in every class that holds them."""

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.models import VisionTransformer

from siameseim.downstream import SiameseIMViTDet
from siameseim.models import SiameseIMViT
from siameseim.weights import PlainViT
from siameseim.weights.targets.openmmlab import vit_sam
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
    vit = PlainViT(ours.state_dict(), 2, ours.stored_positions)
    file = saved(tmp_path / 'f.pth', vit_sam(vit).state)
    again = SiameseIMViTDet(
        arch=TINY,
        img_size=shape,
        patch_size=4,
        window_size=3,
        init_cfg=dict(type='Pretrained', checkpoint=file),
    )
    again.init_weights()
    torch.testing.assert_close(features(again, images), features(ours, images))
