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


def stock_config(name, file, folder):
    """The example for stock detectors, changed to the one named."""
    whole = example('detection', 'mmdet::cascade')
    block = example('detection', f'mmdet::{name}')
    base = re.search(r'_base_ = .*', block).group()
    whole = re.sub(r'_base_ = .*', base, whole).replace('FILE', file)
    (folder / 'own.py').write_text(whole)
    if 'custom_imports' not in block:  # a short one, of what is different
        changed = block.replace(base, "_base_ = ['own.py']")
        (folder / 'changed.py').write_text(changed)
        return Config.fromfile(folder / 'changed.py')
    return Config.fromfile(folder / 'own.py')


@pytest.mark.parametrize('name', ['cascade', 'retinanet'])
def test_weights_land_in_a_stock_detector(name, tmp_path):
    pytest.importorskip('mmcv.ops', exc_type=ImportError)
    detectors = pytest.importorskip('mmdet.registry').MODELS
    vit = SiameseIMDenseViT(arch='small', img_size=64)
    file = saved(tmp_path / 'vit.pth', vit.state_dict())
    cfg = stock_config(name, str(file), tmp_path)
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = detectors.build(cfg.model)
        model.init_weights()
    found = model.backbone.state_dict()
    for name, tensor in vit.state_dict().items():
        if name != 'pos_embed':  # made for the size of the images
            torch.testing.assert_close(found[name], tensor, rtol=0, atol=0)
    levels = model.extract_feat(torch.zeros(1, 3, 64, 64))
    assert len(levels) == 5
    sum(level.sum() for level in levels).backward()
    trained = [p for p in model.backbone.parameters() if p.requires_grad]
    assert all(parameter.grad is not None for parameter in trained)
