"""The paper's UperNet recipe against method section 9, in numbers."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import PARAM_SCHEDULERS, DefaultScope
from torch import nn

from tests.transfer_fixtures import ROOT

MODELS = pytest.importorskip('mmseg.registry').MODELS
NAME = 'siameseim_vitb_upernet_8xb2-160k_ade20k-512x512.py'


@pytest.fixture
def cfg():
    return Config.fromfile(ROOT / 'configs/segmentation' / NAME)


def test_optimizer_batch_and_crops(cfg):
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr) == ('AdamW', 1e-4)
    assert (optimizer.weight_decay, optimizer.betas) == (0.05, (0.9, 0.999))
    assert cfg.optim_wrapper.constructor == 'BackboneLayerDecay'
    assert cfg.optim_wrapper.paramwise_cfg == dict(layer_decay_rate=0.65)
    assert 8 * cfg.train_dataloader.batch_size == 16
    steps = {s.type: s for s in cfg.train_dataloader.dataset.pipeline}
    assert steps['RandomCrop'].crop_size == (512, 512)
    assert steps['RandomResize'].ratio_range == (0.5, 2.0)
    test = cfg.model.test_cfg
    assert (test.mode, test.crop_size) == ('slide', (512, 512))
    assert test.stride == (341, 341)


def test_rates_over_160k_iterations(cfg):
    """Up over 1,500 iterations, then down a straight line to 0."""
    assert cfg.train_cfg.max_iters == 160_000
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    schedulers = [
        PARAM_SCHEDULERS.build(s, default_args=dict(optimizer=optimizer))
        for s in cfg.param_scheduler
    ]
    rates = []
    for _ in range(160_000):
        rates.append(optimizer.param_groups[0]['lr'])
        for scheduler in schedulers:
            scheduler.step()
    for step in (0, 500, 1499):
        assert rates[step] == pytest.approx(step / 1499, abs=2e-6), step
    for step in (1500, 50_000, 159_999):
        expected = (160_000 - step) / (160_000 - 1500)
        assert rates[step] == pytest.approx(expected, abs=1e-5), step


def test_backbone_and_pyramid(cfg):
    with torch.device('meta'), DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(cfg.model)
    assert list(model.backbone.out_indices) == [3, 5, 7, 11]
    drops = [b.attn.out_drop.drop_prob for b in model.backbone.layers]
    assert drops == pytest.approx([0.1 * i / 11 for i in range(12)])
    assert type(model.neck).__name__ == 'Feature2Pyramid'
    assert type(model.decode_head).__name__ == 'UPerHead'
