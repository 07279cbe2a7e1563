"""The configs for own data in the docs are whole and consistent."""

import re

import pytest
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS

from tests.transfer_fixtures import ROOT


def own_config(page, folder):
    """The last Python block of a page, as a file beside the configs."""
    text = (ROOT / f'docs/{page}.md').read_text()
    block = re.findall(r'```python\n(.*?)```', text, re.DOTALL)[-1]
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
