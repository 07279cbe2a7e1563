"""Trainings for a task on toy data, by the tool's command line."""

import signal

import pytest
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, METRICS

from tests.toy_runs import ToyKeys, ToyModel, pointed_to
from tests.transfer_fixtures import tool

STOPPED = 128 + signal.SIGTERM
# 26 images make 6 batches. The toolboxes' own loops, samplers and hooks.
COMMON = """
default_scope = 'mmseg'
model = dict(type='mmpretrain.ToyModel')
data = dict(
    batch_size=4,
    num_workers=0,
    drop_last=True,
    collate_fn=dict(type='default_collate'),
    dataset=dict(type='mmpretrain.ToyKeys'),
)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))
randomness = dict(seed=3)
"""
VALIDATION = """
val_cfg = dict()
val_dataloader = dict(data, sampler=dict(type='DefaultSampler', shuffle=False))
val_evaluator = dict(type='CountImages')
custom_hooks = [dict(type='TerminateInValidation')]
"""
EPOCHS = """
train_cfg = dict(by_epoch=True, max_epochs=3)
train_dataloader = dict(data, sampler=dict(type='DefaultSampler'))
default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1))
"""
ITERATIONS = """
train_cfg = dict(by_epoch=False, max_iters=30, val_interval=4)
train_dataloader = dict(data, sampler=dict(type='InfiniteSampler'))
log_processor = dict(by_epoch=False)
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=12)
)
"""


@METRICS.register_module()
class CountImages(BaseMetric):
    """Counts the batches that it is given."""

    def process(self, data_batch, data_samples):
        self.results.append(1)

    def compute_metrics(self, results):
        return {'batches': len(results)}


@HOOKS.register_module()
class TerminateInValidation(Hook):
    """Sends SIGTERM to this process in a validation's second batch."""

    def after_val_iter(self, runner, batch_idx, *args, **kwargs):
        if batch_idx == 1:
            signal.raise_signal(signal.SIGTERM)


@pytest.fixture
def seen(monkeypatch):
    """Keys of each batch that a model is given."""
    batches, forward = [], ToyModel.forward

    def watched(self, inputs, mode='loss'):
        batches.append(inputs.long().tolist())
        results = forward(self, inputs, mode)
        return results if mode == 'loss' else [results]

    monkeypatch.setattr(ToyModel, 'forward', watched)
    return batches


@pytest.fixture
def loaded(monkeypatch):
    """Keys of each image that is loaded in this process."""
    keys, load = [], ToyKeys.__getitem__

    def watched(self, key):
        keys.append(key)
        return load(self, key)

    monkeypatch.setattr(ToyKeys, '__getitem__', watched)
    return keys


@pytest.fixture
def train(tmp_path):
    """Runs tools/train.py on a text of a config: the exit status, or 0."""

    def run(text, *options, stop=None, **kwargs):
        path = tmp_path / 'config.py'
        if stop:
            hook = dict(type='mmpretrain.TerminateAfter', iteration=stop)
            text += f'custom_hooks = [{hook | kwargs}]\n'
        path.write_text(COMMON + text)
        work = str(tmp_path / 'run')
        try:
            tool('train').main([str(path), '--work-dir', work, *options])
        except SystemExit as end:
            return end.code
        return 0

    return run


@pytest.fixture
def last(tmp_path):
    """Name of the checkpoint that a resume goes on from."""
    return lambda: pointed_to(tmp_path / 'run')
