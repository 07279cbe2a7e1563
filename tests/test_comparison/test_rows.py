"""Each ablation differs from the base in the one thing it is named after."""

from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS, TRANSFORMS

import siameseim  # noqa: F401  registers what the configs name

ROWS = Path(__file__).resolve().parents[2] / 'configs/comparison'
ALL = sorted(ROWS.glob('*/*.py'))
IDS = [f'{path.parent.name}/{path.stem}' for path in ALL]
PIPELINE = 'train_dataloader.dataset.pipeline'
HOOK = 'custom_hooks.MomentumTargetHook'
CHANGES = {
    'no_mask': {f'{PIPELINE}.BlockMask.num_masked': 0},
    'no_second_view': {f'{PIPELINE}.TwoViews.shared_crop': True},
    'random_mask': {f'{PIPELINE}.BlockMask.blocks': False},
    'layernorm': {'model.neck.projector_norm': 'LN'},
    'no_negative': {'model.head.neg_weight': 0.0},
    'symmetric': {
        'model.data_preprocessor.symmetric': True,
        'train_dataloader.batch_size': 16,
        'auto_scale_lr.base_batch_size': 16,
    },
    'no_ema': {f'{HOOK}.base_momentum': 0.0, f'{HOOK}.final_momentum': 0.0},
}


def flat(value: Any, name: str = '') -> dict[str, Any]:
    """Settings by their path; steps of lists by their type."""
    if isinstance(value, list) and all(isinstance(v, dict) for v in value):
        value = {f'{v["type"]}{v.get("view", "")}': v for v in value}
    if not isinstance(value, dict):
        return {name: value}
    return {
        key: leaf
        for child, below in value.items()
        for key, leaf in flat(below, f'{name}.{child}'.lstrip('.')).items()
        if not key.startswith('train_pipeline')  # only a name in the file
    }


def settings(row: str) -> dict[str, Any]:
    return flat(Config.fromfile(ROWS / f'imagenette/{row}.py').to_dict())


def difference(row: str, base_row: str = 'small_data') -> tuple[dict, dict]:
    """What the row sets otherwise than the base, and what it leaves out."""
    base, changed = settings(base_row), settings(row)
    gone = {k: v for k, v in base.items() if k not in changed}
    new = {k: v for k, v in changed.items() if base.get(k) != v}
    return new, gone


@pytest.mark.parametrize('row', CHANGES)
def test_an_ablation_changes_one_thing(row):
    assert difference(row) == (CHANGES[row], {})


def test_colours_are_the_papers_and_all_that_is_added():
    def steps(row: str) -> list[dict]:
        cfg = Config.fromfile(ROWS / f'imagenette/{row}.py')
        return cfg.train_dataloader.dataset.pipeline

    paper = steps('siameseim')[1:3]
    assert [step.type for step in paper] == ['ViewPhotometric'] * 2
    base = steps('small_data')
    assert steps('colour') == [base[0], *paper, *base[1:]]
    both = {**paper[0], 'view': (1, 2)}
    assert steps('no_colour_difference') == [base[0], both, *base[1:]]
    for row in ('colour', 'no_colour_difference'):
        new, gone = difference(row)
        assert not gone
        assert all(key.startswith(f'{PIPELINE}.View') for key in new)


@pytest.mark.parametrize('path', ALL, ids=IDS)
def test_all_rows_train_the_same_vit_at_one_size(path):
    cfg = Config.fromfile(path)
    with torch.device('meta'):
        backbone = MODELS.build(cfg.model).backbone
    size, patch = (32, 4) if path.parent.name == 'cifar10' else (64, 8)
    assert backbone.arch_settings == dict(
        embed_dims=192, num_layers=6, num_heads=3, feedforward_channels=768
    )
    assert backbone.img_size == (size, size)
    assert backbone.patch_embed.projection.kernel_size == (patch, patch)
    steps = [
        TRANSFORMS.build(s) for s in cfg.train_dataloader.dataset.pipeline
    ]
    assert steps[0].size == (size, size)


@pytest.mark.parametrize('row', ['mae', 'mocov3'])
def test_batch_and_schedule_are_shared(row):
    shared = (
        'train_dataloader.batch_size', 'train_cfg.max_epochs',
        'param_scheduler.warmup', 'optim_wrapper.optimizer.weight_decay',
        'optim_wrapper.precision', 'train_dataloader.dataset.cache',
    )  # fmt: skip
    base, other = settings('small_data'), settings(row)
    assert {k: other[k] for k in shared} == {k: base[k] for k in shared}


def test_the_short_recipe_is_the_one_that_was_measured():
    """docs/comparison.md; a change here makes its results another recipe's."""
    new, gone = difference('small_data', 'siameseim')
    assert all(f'{PIPELINE}.ViewPhotometric' in key for key in gone)
    assert new == {
        'model.neck.embed_dims': 128,
        'model.neck.num_heads': 4,
        'model.neck.projector_depth': 1,
        'model.neck.predictor_depth': 2,
        'model.neck.input_norm': True,
        'model.head.whiten_target': True,
        f'{PIPELINE}.TwoViews.area': (0.4, 1.0),
        f'{PIPELINE}.BlockMask.num_masked': 26,
        'train_dataloader.batch_size': 32,
        'train_dataloader.dataset.cache': True,
        'optim_wrapper.optimizer.lr': 1e-3,
        'auto_scale_lr.base_batch_size': 32,
        'param_scheduler.warmup': 0.25,
        'train_cfg.max_epochs': 3,
        'custom_hooks.PatchWhiteningHook.type': 'PatchWhiteningHook',
        'custom_hooks.PatchWhiteningHook.images': 512,
        'custom_hooks.PatchWhiteningHook.ridge': 0.1,
    }
