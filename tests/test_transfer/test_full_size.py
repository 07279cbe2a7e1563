"""Every transfer config at its own size, built without memory."""

import re
from importlib import import_module

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import DefaultScope

import siameseim  # noqa: F401  registers what the configs name
from tests.transfer_fixtures import ROOT

CONFIGS = sorted((ROOT / 'configs').glob('*tion/*.py'))


def build(path):
    """The config, its model, and the parameter groups of its optimizer."""
    toolboxes = dict(detection='mmdet', segmentation='mmseg')
    toolbox = toolboxes.get(path.parent.name, 'mmpretrain')
    pytest.importorskip(toolbox)  # may hold the config's base
    if toolbox == 'mmdet':
        pytest.importorskip('mmcv.ops', exc_type=ImportError)
    cfg = Config.fromfile(path)
    registry = import_module(f'{toolbox}.registry').MODELS
    with DefaultScope.overwrite_default_scope(toolbox):
        with torch.device('meta'):
            model = registry.build(cfg.model)
        wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    return cfg, model, wrapper.optimizer.param_groups


def expected_factor(name, rate, depth):
    """Share of the full rate: heads, necks and new layers learn at it all."""
    part = name.removeprefix('backbone.')
    if part == name or part.startswith(('resample.', 'ln2.')):
        return 1.0
    block = re.match(r'layers\.(\d+)\.', part)
    return rate ** (depth + 1 if block is None else depth - int(block[1]))


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_it_builds_and_every_parameter_has_its_rate(path):
    cfg, model, groups = build(path)
    base = cfg.optim_wrapper.optimizer.lr
    grouped = {id(p): group for group in groups for p in group['params']}
    trained = {n: p for n, p in model.named_parameters() if p.requires_grad}
    assert grouped.keys() >= {id(p) for p in trained.values()}
    rate = cfg.optim_wrapper.get('paramwise_cfg', {}).get('layer_decay_rate')
    assert rate is not None or 'linear' in path.stem
    for name, parameter in trained.items():
        factor = expected_factor(name, rate, model.backbone.num_layers)
        lr = grouped[id(parameter)]['lr']
        assert lr == pytest.approx(base * factor), name
    heads = [name for name in trained if not name.startswith('backbone.')]
    assert len(heads) > 1
