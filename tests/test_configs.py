"""Every pretraining config builds and says what a reader needs."""

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope
from mmpretrain.registry import HOOKS, MODELS, TRANSFORMS
from torch import nn

import siameseim  # noqa: F401  registers what the configs name
from tests.transfer_fixtures import ROOT

CONFIGS = sorted(
    path
    for folder in ('configs', 'configs/comparison')
    for path in (ROOT / folder).glob('siameseim_*.py')
)
IDS = [path.stem for path in CONFIGS]
every_config = pytest.mark.parametrize('path', CONFIGS, ids=IDS)


@every_config
def test_it_opens_with_what_a_reader_needs(path):
    head = path.read_text().split('_base_')[0]
    for word in ('Command', 'Hardware', 'Expected', 'Numbers'):
        assert f'# {word}' in head, word


@every_config
def test_model_optimizer_and_data_fit(path):
    """The model is built without memory, so that ViT-H takes no time."""
    cfg = Config.fromfile(path)
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    with DefaultScope.overwrite_default_scope(cfg.default_scope):
        wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    assert len(wrapper.optimizer.param_groups) == 2
    loader = cfg.train_dataloader
    pipeline = [TRANSFORMS.build(step) for step in loader.dataset.pipeline]
    views = next(step for step in pipeline if hasattr(step, 'area'))
    mask = next(step for step in pipeline if hasattr(step, 'num_masked'))
    assert tuple(views.size) == tuple(model.backbone.img_size)
    assert tuple(mask.grid) == tuple(model.backbone.patch_resolution)
    assert loader.drop_last
    assert loader.num_workers or not loader.persistent_workers


def test_loader_workers_are_not_forked_on_a_mac(monkeypatch):
    monkeypatch.setattr('sys.platform', 'darwin')
    cfg = Config.fromfile(ROOT / 'configs/siameseim_smoke.py')
    assert cfg.env_cfg.mp_cfg.mp_start_method == 'spawn'


@pytest.mark.parametrize(
    ('name', 'millions'),
    [('vitt', 5.5), ('vits', 21.7), ('vitb', 85.8), ('vitl', 303.3),
     ('vith14', 630.8)],
)  # fmt: skip
def test_encoder_sizes(name, millions):
    """Timm's counts of the encoder without classifier."""
    cfg = Config.fromfile(ROOT / f'configs/siameseim_{name}_pretrain.py')
    with torch.device('meta'):
        backbone = MODELS.build(cfg.model.backbone)
    count = sum(parameter.numel() for parameter in backbone.parameters())
    assert count / 1e6 == pytest.approx(millions, rel=0.01)


def test_recipe_of_the_paper():
    """Method section 6, in numbers."""
    cfg = Config.fromfile(ROOT / 'configs/siameseim_vitb_pretrain.py')
    optimizer = cfg.optim_wrapper.optimizer
    assert optimizer.lr == pytest.approx(1e-3)
    assert tuple(optimizer.betas) == (0.9, 0.95)
    assert optimizer.weight_decay == 0.05
    assert cfg.optim_wrapper.clip_grad.max_norm == 1.0
    assert cfg.auto_scale_lr.base_batch_size == 4096
    assert cfg.train_dataloader.batch_size * 8 == 4096
    assert cfg.param_scheduler.warmup == 40
    assert cfg.train_cfg.max_epochs == 1600
    assert cfg.model.neck.embed_dims == 768
    assert cfg.model.neck.num_heads == 16
    assert (
        cfg.model.neck.projector_depth,
        cfg.model.neck.predictor_depth,
    ) == (
        2,
        4,
    )
    model = MODELS.build(dict(cfg.model, _scope_='mmpretrain'))
    assert not model.neck.predictor.input_norm
    assert not model.head.whiten_target
    hooks = [hook['type'] for hook in cfg.custom_hooks]
    assert 'PatchWhiteningHook' not in hooks


def test_parts_of_the_paper():
    """Method sections 1 and 3 to 6, of the network that is built."""
    cfg = Config.fromfile(ROOT / 'configs/siameseim_vitb_pretrain.py')
    with torch.device('meta'):
        model = MODELS.build(dict(cfg.model, _scope_='mmpretrain'))
    assert model.head.neg_weight == 0.02
    settings = cfg.model.data_preprocessor
    ours = torch.tensor([settings.mean, settings.std]) / 255
    imagenet = [[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]]
    assert ours.tolist() == [pytest.approx(row) for row in imagenet]
    (hook,) = [h for h in cfg.custom_hooks if h.type == 'MomentumTargetHook']
    hook = HOOKS.build(hook)
    assert (hook.base_momentum, hook.final_momentum) == (0.995, 1.0)
    assert cfg.optim_wrapper.paramwise_cfg == dict(
        bias_decay_mult=0.0, flat_decay_mult=0.0
    )
    heads = [layer.attn.num_heads for layer in model.backbone.layers]
    assert heads == [12] * 12
    norms = {nn.LayerNorm: [], nn.BatchNorm1d: []}
    for module in model.modules():
        if type(module) in norms:
            norms[type(module)].append(module.eps)
    assert norms[nn.LayerNorm] == [1e-6] * 2 * 24  # both branches, no last
    assert norms[nn.BatchNorm1d] == [1e-5] * 2 * (2 + 4 + 2)
    momenta = [m.momentum for m in model.modules() if hasattr(m, 'momentum')]
    assert {*momenta} == {0.1}  # of TokenBN and the BatchNorm in it
    drops = [m.drop_prob for m in model.modules() if hasattr(m, 'drop_prob')]
    assert {*drops} == {0.0}


def test_augmentation_of_the_paper():
    """Method sections 1 and 2, in numbers."""
    cfg = Config.fromfile(ROOT / 'configs/siameseim_vitb_pretrain.py')
    crop, first, second, mask, _ = (
        TRANSFORMS.build(step)
        for step in cfg.train_dataloader.dataset.pipeline
    )
    assert (crop.size, crop.area) == ((224, 224), (0.08, 1.0))
    assert (crop.aspect, crop.flip_prob) == ((3 / 4, 4 / 3), 0.5)
    for view in (first, second):
        assert (view.jitter_prob, view.grey_prob) == (0.8, 0.2)
        assert view.blur_sigma == (0.1, 2.0)
        ranges = [bounds for _, *bounds in view.jitter]
        assert ranges == [[0.6, 1.4], [0.6, 1.4], [0.8, 1.2], [-0.1, 0.1]]
    assert (first.blur_prob, first.solarize_prob) == (1.0, 0.0)
    assert (second.blur_prob, second.solarize_prob) == (0.1, 0.2)
    assert second.solarize_threshold == 128
    assert (mask.grid, mask.num_masked) == ((14, 14), 118)
    assert (mask.min_block, mask.min_aspect) == (16, 0.3)


def test_the_400_epoch_recipe_differs_in_its_length_only():
    long, short = (
        Config.fromfile(ROOT / f'configs/siameseim_vitb_pretrain{end}.py')
        for end in ('', '_400e')
    )
    assert short.train_cfg.max_epochs == 400
    short.train_cfg.max_epochs = 1600
    assert short.to_dict() == long.to_dict()
