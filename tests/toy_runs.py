"""A run small enough for many tests: a toy model, the true runner."""

import copy
import itertools
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import BaseModel
from mmengine.runner import Runner, find_latest_checkpoint
from mmpretrain.registry import DATASETS, HOOKS, MODELS
from torch import nn

import siameseim  # noqa: F401  registers what the configs name
from tests.test_train.conftest import TerminateAfter  # noqa: F401  a hook

IMAGES, BATCH = 26, 4  # 6 batches an epoch and a tail of 2 that is dropped
_names = itertools.count()


@DATASETS.register_module()
class ToyKeys:
    """Returns the key it is asked for, as `PretrainDataset` sees it."""

    metainfo: dict = {}

    def __len__(self):
        return IMAGES

    def __getitem__(self, key):
        return {'inputs': torch.tensor(float(key))}


@MODELS.register_module()
class ToyModel(BaseModel):
    """An online and a target layer; its loss draws from all generators."""

    def __init__(self):
        super().__init__()
        self.online = nn.Linear(3, 3)
        self.norm = nn.BatchNorm1d(3)
        self.target = copy.deepcopy(self.online).requires_grad_(False)
        self.kept = []  # one entry an update: (forwards before it, kept)
        self.seen = []  # keys of every batch

    def update_target(self, kept, skipped=None):
        self.kept.append((len(self.seen), kept))
        if skipped is not None and skipped:
            kept = 1
        with torch.no_grad():
            for old, new in zip(
                self.target.parameters(), self.online.parameters(), strict=True
            ):
                old.lerp_(new, 1 - kept)

    def forward(self, inputs, mode='loss'):
        self.seen.append(inputs.long().tolist())
        noise = torch.rand(3) + random.random() + np.random.rand()
        x = torch.stack([inputs, inputs.sin(), inputs.cos()], 1) / 50 + noise
        error = self.norm(self.online(x)) - self.target(x)
        return {
            'loss_pos': error.square().mean(),
            'loss_neg': 0.1 * error.abs().mean(),
        }


@HOOKS.register_module()
class BreakWeights(Hook):
    """Makes a weight NaN for some iterations, or from one on for good."""

    priority = 'HIGHEST'

    def __init__(self, iterations=(), for_good=None):
        self.iterations, self.for_good = set(iterations), for_good

    def before_train_iter(self, runner, batch_idx, **kwargs):
        weight = runner.model.norm.weight.data
        if runner.iter in self.iterations:
            self.kept = weight.clone()
            weight.fill_(float('nan'))
        if runner.iter == self.for_good:
            weight.fill_(float('nan'))

    def after_train_iter(self, runner, batch_idx, **kwargs):
        if runner.iter in self.iterations:
            runner.model.norm.weight.data.copy_(self.kept)


@HOOKS.register_module()
class Fail(Hook):
    """Ends a run in an error after its first iteration."""

    def after_train_iter(self, runner, *args, **kwargs):
        raise ArithmeticError


def pointed_to(folder):
    """Name of the checkpoint that mmengine would go on from."""
    return Path(find_latest_checkpoint(str(folder))).name


def toy_config(work_dir, epochs=3, accumulation=1, workers=0, hooks=()):
    return dict(
        model=dict(type='ToyModel'),
        work_dir=str(work_dir),
        experiment_name=f'toy{next(_names)}',
        default_scope='mmpretrain',
        randomness=dict(seed=3),
        log_level='WARNING',
        train_cfg=dict(by_epoch=True, max_epochs=epochs),
        train_dataloader=dict(
            batch_size=BATCH,
            num_workers=workers,
            persistent_workers=workers > 0,
            drop_last=True,
            collate_fn=dict(type='default_collate'),
            worker_init_fn=dict(type='leave_signals_to_trainer'),
            sampler=dict(type='ResumableSampler'),
            dataset=dict(type='ToyKeys'),
        ),
        optim_wrapper=dict(
            type='AutocastOptimWrapper',
            constructor='GroupedOptimWrapperConstructor',
            precision='fp32',
            accumulative_counts=accumulation,
            clip_grad=dict(max_norm=1.0),
            optimizer=dict(type='AdamW', lr=0.01, weight_decay=0.05),
            paramwise_cfg=dict(flat_decay_mult=0.0),
        ),
        param_scheduler=dict(
            type='WarmupCosineLR', warmup=0.5, convert_to_iter_based=True
        ),
        log_processor=dict(type='ProgressLogProcessor'),
        default_hooks=dict(
            runtime_info=dict(type='LazyRuntimeInfoHook'),
            sampler_seed=dict(type='ExactResumeHook'),
            logger=dict(type='LoggerHook', interval=2),
            checkpoint=dict(type='SafeCheckpointHook', interval=1),
            guard=dict(type='NonFiniteGuardHook'),
        ),
        custom_hooks=[
            dict(type='MomentumTargetHook'),
            dict(type='ProgressHook'),
            dict(type='StopSignalHook'),
            *hooks,
        ],
    )


@pytest.fixture
def toy_run(tmp_path):
    """Builds and trains a toy run, or goes on from a file of one.

    With changed settings by name; other arguments as for `toy_config`.
    """
    loaders = []

    def run(name='run', options=None, resume=None, **kwargs):
        config = Config(toy_config(tmp_path / name, **kwargs))
        config.merge_from_dict(options or {})
        saving = config.default_hooks.get('checkpoint')
        if saving and saving.type == 'SafeCheckpointHook':
            saving.setdefault('budget', None)  # epochs here are milliseconds
        if resume:
            config.resume, config.load_from = True, str(tmp_path / resume)
        runner = Runner.from_cfg(config)
        loaders.append(runner.train_dataloader)
        runner.train()
        return runner

    yield run
    for loader in loaders:  # left to a later collection it takes seconds
        loader._iterator = None


@pytest.fixture
def stopped(toy_run):
    """Trains one that gets SIGTERM in these iterations: its exit status."""

    def run(*iterations, hooks=(), **kwargs):
        signals = [
            dict(type='TerminateAfter', iteration=i) for i in iterations
        ]
        with pytest.raises(SystemExit) as stop:
            toy_run(hooks=[*hooks, *signals], **kwargs)
        return stop.value.code

    return run


@pytest.fixture
def log_text(tmp_path):
    """Reads all that was logged of a run."""
    return lambda name='run': ''.join(
        path.read_text() for path in (tmp_path / name).glob('*/*.log')
    )
