"""The paper's detection recipes against method section 9, in numbers."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import PARAM_SCHEDULERS, DefaultScope
from torch import nn

from tests.transfer_fixtures import ROOT

pytest.importorskip('mmcv.ops', exc_type=ImportError)
MODELS = pytest.importorskip('mmdet.registry').MODELS
FOLDER = ROOT / 'configs/detection'
COCO = 'siameseim_vitb_vitdet_mask-rcnn_8xb8-lsj-100e_coco.py'
LVIS = 'siameseim_vitb_vitdet_mask-rcnn_8xb8-lsj-100e_lvis-v1.py'
BOTH = pytest.mark.parametrize('name', [COCO, LVIS])


@pytest.mark.parametrize(('name', 'rate'), [(COCO, 1e-4), (LVIS, 2e-4)])
def test_optimizer_batch_and_jitter(name, rate):
    cfg = Config.fromfile(FOLDER / name)
    optimizer = cfg.optim_wrapper.optimizer
    assert (optimizer.type, optimizer.lr) == ('AdamW', rate)
    assert (optimizer.weight_decay, optimizer.betas) == (0.1, (0.9, 0.999))
    assert cfg.optim_wrapper.constructor == 'BackboneLayerDecay'
    assert cfg.optim_wrapper.paramwise_cfg == dict(layer_decay_rate=0.7)
    assert 8 * cfg.train_dataloader.batch_size == 64
    data = cfg.train_dataloader.dataset
    steps = {s.type: s for s in data.get('dataset', data).pipeline}
    assert steps['RandomResize'].scale == (1024, 1024)
    assert steps['RandomResize'].ratio_range == (0.1, 2.0)
    assert steps['RandomCrop'].crop_size == (1024, 1024)
    assert steps['RandomFlip'].prob == 0.5


@BOTH
def test_rates_over_a_hundred_epochs(name):
    """Warm-up over 250 iterations, a tenth from 89 %, a hundredth from 96."""
    cfg = Config.fromfile(FOLDER / name)
    assert cfg.train_cfg.max_epochs == 100
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    length = 10
    schedulers = [
        PARAM_SCHEDULERS.build(s, default_args=dict(optimizer=optimizer))
        for s in cfg.param_scheduler
    ]
    rates = []
    for step in range(100 * length):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in schedulers:
            if not scheduler.by_epoch or (step + 1) % length == 0:
                scheduler.step()
    for step in (0, 100, 249):
        expected = 0.001 + 0.999 * step / 249
        assert rates[step] == pytest.approx(expected, rel=1e-6), step
    for epoch, rate in ((25, 1), (88, 1), (89, 0.1), (95, 0.1), (96, 0.01)):
        assert rates[epoch * length] == pytest.approx(rate), epoch
    assert rates[-1] == pytest.approx(0.01)


@BOTH
def test_backbone_pyramid_and_heads(name):
    cfg = Config.fromfile(FOLDER / name)
    with torch.device('meta'), DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(cfg.model)
    spans = [len(b.attn.rel_pos_h) for b in model.backbone.layers]
    # 2 x 14 - 1 relative rows in a window, 2 x 64 - 1 in the whole map
    assert spans == [27, 27, 127] * 4
    drops = [b.attn.out_drop.drop_prob for b in model.backbone.layers]
    assert drops == pytest.approx([0.1 * i / 11 for i in range(12)])
    assert len(model.rpn_head.rpn_conv) == 2
    heads = model.roi_head.bbox_head, model.roi_head.mask_head
    assert [len(heads[0].shared_convs), len(heads[0].shared_fcs)] == [4, 1]
    convs = [*heads[0].shared_convs, *heads[1].convs]
    assert len(convs) == 8
    for norm in (conv.norm for conv in convs):
        assert isinstance(norm, nn.LayerNorm) and norm.eps == 1e-6
    last = torch.empty(1, 768, 64, 64, device='meta')
    shapes = [level.shape for level in model.neck((last,))]
    sides = [256, 128, 64, 32, 16]
    assert shapes == [(1, 256, side, side) for side in sides]


def test_lvis_sampling_loss_and_thresholds():
    cfg = Config.fromfile(FOLDER / LVIS)
    assert cfg.train_dataloader.dataset.type == 'ClassBalancedDataset'
    assert cfg.train_dataloader.dataset.oversample_thr == 0.001
    loss = cfg.model.roi_head.bbox_head.loss_cls
    assert loss.type == 'SiameseIMFederatedLoss'
    assert (loss.num_classes_counted, loss.power) == (50, 0.5)
    test = cfg.model.test_cfg.rcnn
    assert (test.score_thr, test.max_per_img) == (0.02, 300)
