"""The configs for own data in the docs are whole and consistent."""

import re

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS

from siameseim.downstream import SiameseIMDenseViT
from tests.transfer_fixtures import ROOT
from tests.vit_fixtures import saved


def example(page, base):
    """The Python block of a page that starts from a config."""
    text = (ROOT / f'docs/{page}.md').read_text()
    blocks = re.findall(r'```python\n(.*?)```', text, re.DOTALL)
    [block] = [b for b in blocks if f"_base_ = ['{base}" in b]
    return block


def own_config(page, folder):
    """The example for own data, as a file beside the configs."""
    block = example(page, './')
    path = folder / 'own.py'
    path.write_text(block.replace("'./", f"'{ROOT}/configs/{page}/"))
    return Config.fromfile(path)


@pytest.mark.parametrize('page', ['detection', 'segmentation'])
def test_every_loader_and_head_has_the_classes(page, tmp_path):
    pytest.importorskip('mmdet' if page == 'detection' else 'mmseg')
    cfg = own_config(page, tmp_path)
    for split in ('train', 'val', 'test'):
        dataset = cfg[f'{split}_dataloader'].dataset
        assert len(dataset.metainfo.classes) == 3
        assert dataset.data_root.startswith('data/')
        assert len(dataset.pipeline) > 3  # inherited
    heads = (
        cfg.model.roi_head
        if page == 'detection'
        else {k: v for k, v in cfg.model.items() if k.endswith('_head')}
    )
    counts = [h.num_classes for h in heads.values() if 'num_classes' in h]
    assert counts == [3, 3]


def test_another_network_fits_its_head(tmp_path):
    cfg = own_config('classification', tmp_path)
    cfg.model.backbone.init_cfg = None
    model = MODELS.build(cfg.model).eval()
    assert model(torch.ones(1, 3, 64, 64)).shape == (1, 101)
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert trained == {'head.fc.weight', 'head.fc.bias'}


@pytest.mark.parametrize(
    'stock',
    [
        'retinanet/retinanet_r50_fpn_1x_coco',
        'cascade_rcnn/cascade-mask-rcnn_r50_fpn_1x_coco',
    ],
)
def test_weights_land_in_a_stock_detector(stock, tmp_path):
    pytest.importorskip('mmcv.ops', exc_type=ImportError)
    detectors = pytest.importorskip('mmdet.registry').MODELS
    vit = SiameseIMDenseViT(arch='small', img_size=64)
    file = saved(tmp_path / 'vit.pth', vit.state_dict())
    text = example('detection', 'mmdet::').replace('FILE', str(file))
    text = text.replace('retinanet/retinanet_r50_fpn_1x_coco', stock)
    (tmp_path / 'own.py').write_text(text)
    cfg = Config.fromfile(tmp_path / 'own.py')
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = detectors.build(cfg.model)
        model.init_weights()
    found = model.backbone.state_dict()
    for name, tensor in vit.state_dict().items():
        if name != 'pos_embed':  # made for the size of the images
            torch.testing.assert_close(found[name], tensor, rtol=0, atol=0)
    assert len(model.extract_feat(torch.zeros(1, 3, 64, 64))) == 5
