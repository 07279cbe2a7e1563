"""Learning rates, decay and LARS against their formulas, written by hand."""

import math

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import PARAM_SCHEDULERS, DefaultScope
from mmpretrain.registry import MODELS
from torch import nn

import siameseim  # noqa: F401  registers what the configs name
from siameseim.launch import learning_rate
from tests.test_classification.test_configs import FINETUNE, FOLDER, LINEAR

LARGE = {
    FINETUNE: 'siameseim_vitl_finetune_8xb128-50e_in1k.py',
    LINEAR: 'siameseim_vitl_linear_8xb2048-90e_in1k.py',
}


def built(name, device='meta'):
    cfg = Config.fromfile(FOLDER / name)
    with (
        torch.device(device),
        DefaultScope.overwrite_default_scope('mmpretrain'),
    ):
        model = MODELS.build(cfg.model)
        wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    return cfg, model, wrapper.optimizer


@pytest.mark.parametrize(
    ('name', 'base', 'decay', 'drop_path'),
    [(FINETUNE, 1e-3, 0.65, 0.1), (LARGE[FINETUNE], 4e-3, 0.75, 0.2)],
)
def test_numbers_are_those_of_method_section_9(name, base, decay, drop_path):
    cfg = Config.fromfile(FOLDER / name)
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(base)
    assert cfg.optim_wrapper.paramwise_cfg.layer_decay_rate == decay
    assert not cfg.model.backbone.frozen_patch_embed
    assert cfg.model.backbone.drop_path_rate == drop_path
    assert cfg.model.head.loss.label_smooth_val == 0.1
    mixes = {a.type: a.alpha for a in cfg.model.train_cfg.augments}
    assert mixes == dict(Mixup=0.8, CutMix=1.0)
    assert cfg.optim_wrapper.optimizer.betas == (0.9, 0.999)
    steps = {s.type: s for s in cfg.train_dataloader.dataset.pipeline}
    assert steps['RandomErasing'].erase_prob == 0.25
    augment = steps['RandAugment']  # rand-m9-mstd0.5-inc1
    assert (augment.magnitude_level, augment.magnitude_std) == (9, 0.5)
    assert augment.policies == 'timm_increasing'
    assert 8 * cfg.train_dataloader.batch_size == 1024


@pytest.mark.parametrize('name', [LINEAR, LARGE[LINEAR]])
def test_the_probe_sees_random_crops_and_flips_only(name):
    cfg = Config.fromfile(FOLDER / name)
    steps = [s.type for s in cfg.train_dataloader.dataset.pipeline]
    assert steps[1:-1] == ['RandomResizedCrop', 'RandomFlip']
    assert cfg.model.get('train_cfg') is None
    assert 8 * cfg.train_dataloader.batch_size == 16384


@pytest.mark.parametrize('name', [FINETUNE, LARGE[FINETUNE]])
def test_only_matrices_are_decayed(name):
    _, _, optimizer = built(name)
    for group in optimizer.param_groups:
        parameter = group['params'][0]
        decayed = parameter.ndim > 1 and 'cls_token' not in group['param_name']
        expected = 0.05 if decayed else 0
        assert group['weight_decay'] == expected, group['param_name']


@pytest.mark.parametrize(
    ('name', 'epochs', 'warmup', 'end'),
    [(FINETUNE, 100, 5, 1e-3), (LARGE[FINETUNE], 50, 5, 2.5e-4),
     (LINEAR, 90, 10, 0)],
)  # fmt: skip
def test_the_schedule_is_warm_up_then_cosine(name, epochs, warmup, end):
    """``end`` is the last rate as a share of the first: 1e-6 / base."""
    cfg = Config.fromfile(FOLDER / name)
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    epoch_length = 4
    given = dict(optimizer=optimizer, epoch_length=epoch_length)
    schedulers = [
        PARAM_SCHEDULERS.build(scheduler, default_args=given)
        for scheduler in cfg.param_scheduler
    ]
    rates = []
    for _ in range(epochs * epoch_length):
        rates.append(optimizer.param_groups[0]['lr'])
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    for step in (4 * warmup, 2 * epochs, 3 * epochs, 4 * epochs - 1):
        done = (step / epoch_length - warmup) / (epochs - warmup)
        cosine = end + (1 - end) * 0.5 * (1 + math.cos(math.pi * done))
        assert rates[step] == pytest.approx(cosine, rel=1e-6, abs=1e-9)
    # the stock warm-up reaches 1 at its last iteration, not just after it
    halfway = 2 * warmup
    line = halfway / (4 * warmup - 1)
    assert rates[halfway] == pytest.approx(line, rel=1e-2)


@pytest.mark.parametrize(
    ('name', 'batch', 'processes', 'accumulation', 'expected'),
    [
        (FINETUNE, 128, 8, 1, 2.5e-4 * 1024 / 256),
        (FINETUNE, 32, 1, 1, 2.5e-4 * 32 / 256),
        (LINEAR, 2048, 8, 1, 6.4),
        (LINEAR, 2048, 1, 8, 6.4),
        (LINEAR, 64, 1, 1, 0.1 * 64 / 256),
    ],
)
def test_the_rate_follows_the_batch(
    name, batch, processes, accumulation, expected
):
    cfg = Config.fromfile(FOLDER / name)
    cfg.train_dataloader.batch_size = batch
    cfg.optim_wrapper.accumulative_counts = accumulation
    learning_rate.scale_learning_rate(cfg, processes)
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(expected)


@pytest.mark.parametrize(
    ('name', 'width'), [(LINEAR, 768), (LARGE[LINEAR], 1024)]
)
def test_the_probe_trains_one_layer_by_lars(name, width):
    """Weight and bias after two steps, by the formula of LARS."""
    _, model, optimizer = built(name)
    trained = {n for n, p in model.named_parameters() if p.requires_grad}
    assert trained == {'head.fc.weight', 'head.fc.bias'}
    bn = model.neck.bn
    assert (bn.num_features, bn.eps, bn.affine) == (width, 1e-6, False)
    excluded = [g.get('lars_exclude', False) for g in optimizer.param_groups]
    weight, bias = torch.full((2, 2), 3.0), torch.full((2,), 3.0)
    settings = [
        {k: v for k, v in group.items() if k != 'params'}
        for group in optimizer.param_groups
    ]
    parameters = [nn.Parameter(weight.clone()), nn.Parameter(bias.clone())]
    assert excluded == [False, True]
    lars = type(optimizer)(
        [
            {**s, 'params': [p]}
            for s, p in zip(settings, parameters, strict=True)
        ],
        lr=6.4,
    )
    moved = [0.0, 0.0]
    value = [3.0, 3.0]
    for gradient in (0.5, 2.0):
        for p in parameters:
            p.grad = torch.full_like(p, gradient)
        lars.step()
        # norms of equal numbers: sqrt(4) * |number|, so their ratio is plain
        rates = [6.4 * 0.001 * value[0] / gradient, 6.4]
        for i, rate in enumerate(rates):
            moved[i] = 0.9 * moved[i] + rate * gradient
            value[i] -= moved[i]
    for parameter, number in zip(parameters, value, strict=True):
        assert parameter.detach().unique().tolist() == pytest.approx([number])


def test_the_probe_classifies_the_normed_mean_of_the_patches():
    cfg, *_ = built(LINEAR)
    cfg.model.backbone.update(arch='tiny', img_size=32, init_cfg=None)
    cfg.model.neck.input_features = cfg.model.head.in_channels = 192
    torch.manual_seed(0)
    model = MODELS.build(cfg.model).eval()
    model.init_weights()
    deviation = model.head.fc.weight.std().item()
    assert deviation == pytest.approx(0.01, rel=0.05)  # as MAE's probe
    images = torch.randn(3, 3, 32, 32)
    tokens = model.backbone.encode(images)[:, 1:]
    mean = nn.functional.layer_norm(tokens.mean(dim=1), (192,), eps=1e-6)
    expected = model.head.fc(mean / math.sqrt(1 + 1e-6))
    torch.testing.assert_close(model(images), expected)
