"""A training iteration never makes the host wait for the device.

A CPU never waits, but it shows what would make a host wait for a GPU: reading
a value of a tensor, a result whose shape depends on values, and a copy to the
device that is not asynchronous. For the last one the model is put on the
'meta' device, which is as foreign to the host as a GPU.
"""

from contextlib import nullcontext

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS, MODELS

from siameseim.benchmark.step import StepBenchmark
from siameseim.datasets import ViewPhotometric
from tests.test_train.conftest import SMOKE
from tests.waits import WaitsSeen

WATCHED = (2, 3)  # iterations; the first ones create moments and the like


@HOOKS.register_module()
class WatchForWaits(Hook):
    """Watches iterations of a run, with all of its hooks."""

    def __init__(self, found):
        self.found = found  # one list an iteration

    def before_train(self, runner):
        original = runner.train_loop.run_iter

        def run_iter(index, batch):
            with WaitsSeen() as seen:
                original(index, batch)
            if index in WATCHED:
                self.found.append(seen.waits)

        runner.train_loop.run_iter = run_iter


def train(tmp_path, monkeypatch, *hooks, options=None):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    found = []
    cfg = Config.fromfile(SMOKE)
    cfg.work_dir = str(tmp_path)
    cfg.experiment_name = tmp_path.name
    cfg.log_level = 'ERROR'
    cfg.train_dataloader.persistent_workers = False
    cfg.train_dataloader.dataset.dataset = dict(
        type='SamplePhotos', split='train'
    )
    cfg.default_hooks.logger.interval = 50
    cfg.merge_from_dict(options or {})
    runner = Runner.from_cfg(cfg)
    for hook in hooks:
        runner.register_hook(hook)
    runner.register_hook(WatchForWaits(found))

    class Enough(Hook):
        def after_train_iter(self, runner, batch_idx, **kwargs):
            if batch_idx > WATCHED[-1]:
                raise StopIteration

    runner.register_hook(Enough(), 'LOWEST')
    with pytest.raises(StopIteration):
        runner.train()
    return found


SHORT_RUN = {'model.head.whiten_target': True, 'model.neck.input_norm': True}


@pytest.mark.parametrize('options', [{}, SHORT_RUN])
def test_a_run_with_its_hooks_reads_no_value_between_log_lines(
    tmp_path, monkeypatch, options
):
    assert train(tmp_path, monkeypatch, options=options) == [[], []]


def test_a_hook_that_reads_a_loss_is_seen(tmp_path, monkeypatch):
    class Reads(Hook):
        def after_train_iter(self, runner, batch_idx, outputs=None, **kwargs):
            float(outputs['loss'])

    found = train(tmp_path, monkeypatch, Reads())
    assert found == [['_local_scalar_dense']] * 2


@pytest.fixture
def sgd_on_meta():
    """A kernel that does nothing, which torch lacks for this device."""
    kernels = torch.library.Library('aten', 'IMPL')
    kernels.impl('_fused_sgd_', lambda *_, **__: None, 'Meta')
    yield
    kernels._destroy()


@pytest.mark.usefixtures('sgd_on_meta')
def test_all_copies_to_the_device_are_asynchronous(monkeypatch):
    # There is no autocast for 'meta'; what is in here only turns it off.
    monkeypatch.setattr(torch, 'autocast', lambda *_, **__: nullcontext())
    cfg = Config.fromfile(SMOKE)
    step = StepBenchmark(cfg, 4, 'cpu')
    model = step.model.to('meta')
    with WaitsSeen() as seen:
        model.update_target(0.9, torch.zeros((), device='meta').bool())
        data = model.data_preprocessor(step.batch, True)
        assert data['inputs'][0].device.type == 'meta'
        losses = model(**data, mode='loss')
        sum(losses.values()).backward()
    assert seen.waits == []


def test_colour_changes_are_copied_to_the_device_asynchronously(monkeypatch):
    pytest.importorskip('kornia')
    monkeypatch.setattr(torch, 'autocast', lambda *_, **__: nullcontext())
    process = MODELS.build(Config.fromfile(SMOKE).model.data_preprocessor)
    rng = np.random.default_rng(0)
    steps = [
        ViewPhotometric(view=1, blur_prob=1.0, on_device=True),
        ViewPhotometric(view=2, solarize_prob=0.5, on_device=True),
    ]
    samples = []
    for _ in range(32):
        results = dict(views=[np.zeros((8, 8, 3), np.uint8)] * 2, rng=rng)
        for step in steps:
            results = step(results)
        samples.append(results['changes'])
    changes = torch.from_numpy(np.stack(samples))
    assert set(changes[..., 0].unique().tolist()) == {-1, *range(7)}
    data = dict(
        inputs=[torch.zeros(32, 3, 8, 8, dtype=torch.uint8)] * 2,
        data_samples=dict(changes=changes),
    )
    process.to('meta')
    made = []  # torch.tensor(..., device=...) copies, and waits
    original = torch.tensor
    monkeypatch.setattr(
        torch,
        'tensor',
        lambda *a, **k: made.append(k.get('device')) or original(*a, **k),
    )
    with WaitsSeen('meta') as seen:
        views = process(data)['inputs']
    assert views[0].device.type == 'meta'
    assert seen.waits == []
    assert {str(device) for device in made} <= {'None', 'cpu'}


def test_results_whose_shape_depends_on_values_are_seen():
    x, mask = torch.zeros(3), torch.tensor([True, False, True])
    with WaitsSeen() as seen:
        x[torch.tensor([0, 1])]
        x[mask]
        x[mask] = torch.ones(2)
        torch.repeat_interleave(torch.tensor([1, 2]))
        torch.bincount(torch.tensor([1, 2]))
    assert seen.waits == [
        'index',
        'index_put_',
        'repeat_interleave',
        'bincount',
    ]


def test_a_blocking_copy_to_the_device_is_seen():
    on_device = torch.zeros(3, device='meta')
    with WaitsSeen() as seen:
        torch.ones(3).to('meta', non_blocking=True)
        on_device.copy_(torch.ones(3))
    assert seen.waits == ['copy_ to meta']
