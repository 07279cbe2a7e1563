"""TFLOP/s and their share of a device's peak in the log."""

import copy
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import LoggerHook
from mmengine.logging import MessageHub, MMLogger
from torch.utils.data import DataLoader

from siameseim.benchmark.step import StepBenchmark
from siameseim.engine import flops
from siameseim.engine.compile_hook import compile_blocks
from siameseim.engine.flops import FlopsHook, flops_an_image
from siameseim.rng_state import get_rng_state
from tests.test_train.conftest import SMOKE
from tests.two_processes import run_in_two


def smoke_step():
    cfg = Config.fromfile(SMOKE)
    cfg.optim_wrapper.precision = 'fp32'
    return StepBenchmark(cfg, batch_size=4, device='cpu')


@pytest.fixture
def step():
    """A step of four images of a model that a test counts by hand."""
    return smoke_step()


def test_two_images_count_as_the_whole_batch(step):
    per_image = flops_an_image(step.model, step.batch, nullcontext())
    assert per_image == step.flops() / 4


def test_what_is_counted_is_not_compiled(step, monkeypatch):
    seen = []
    monkeypatch.setattr(
        flops,
        'move_target',
        lambda model: seen.append(model) or model.update_target(0.996),
    )
    compile_blocks(step.model, backend='eager')
    flops_an_image(step.model, step.batch, nullcontext())
    compiled = [
        [m for m in model.modules() if m._compiled_call_impl is not None]
        for model in (step.model, *seen)
    ]
    assert compiled[0] and not compiled[1]


def test_counting_changes_nothing():
    cfg = Config.fromfile(SMOKE)
    cfg.model.backbone.drop_path_rate = 0.5  # draws random numbers
    step = StepBenchmark(cfg, batch_size=4, device='cpu')
    state = copy.deepcopy(step.model.state_dict())
    generators = get_rng_state()
    flops_an_image(step.model, step.batch, nullcontext())
    torch.testing.assert_close(
        step.model.state_dict(), state, rtol=0, atol=0, equal_nan=True
    )
    torch.testing.assert_close(
        get_rng_state(), generators, rtol=0, atol=0, equal_nan=True
    )
    assert all(p.grad is None for p in step.model.parameters())


def logged(step, bf16=True, seconds=4 / 100):
    """What one iteration of a run of the model logs."""
    hub = MessageHub('flops')
    hub.update_scalar('train/time', 9.0)  # of the line before
    hub.update_scalar('train/time', seconds)
    runner = SimpleNamespace(  # as much of one as the hook asks for
        model=step.model,
        optim_wrapper=SimpleNamespace(bf16=bf16, autocast=nullcontext),
        hooks=[LoggerHook(interval=1)],
        logger=MMLogger.get_current_instance(),
        train_dataloader=DataLoader([None], batch_size=4),
        iter=0,
        message_hub=hub,
    )
    hook = FlopsHook()
    hook.before_train(runner)
    hook.before_train_iter(runner, 0, step.batch)
    hook.after_train_iter(runner, 0, data_batch=step.batch, outputs={})
    return {
        name: hub.get_scalar(f'train/{name}').current()
        for name in ('tflops', 'mfu')
        if f'train/{name}' in hub.log_scalars
    }


def test_share_of_the_bf16_peak_of_a_known_device(step, monkeypatch):
    monkeypatch.setattr(flops, 'device_name', lambda _: 'NVIDIA A100')
    tflops = 100 * step.flops() / 4 / 1e12
    found = logged(step)
    assert found == pytest.approx(dict(tflops=tflops, mfu=tflops / 312))
    assert logged(step, bf16=False) == pytest.approx(dict(tflops=tflops))


def in_part(rank):
    return logged(smoke_step(), bf16=False)['tflops']


def test_a_device_counts_the_images_of_its_process(step):
    tflops = 100 * step.flops() / 4 / 1e12
    assert run_in_two(in_part) == pytest.approx([tflops, tflops])


def test_a_loss_that_fails_is_left_to_the_step(step):
    def fails(prediction, target):
        raise TypeError('a fault of the user')

    step.model.head.loss = fails
    assert logged(step) == {}


def test_a_count_that_fails_draws_no_random_number_of_the_run(step):
    """Some losses cannot be counted, but train: their run is the same."""

    def fails(prediction, target):
        torch.rand(1)
        raise NotImplementedError('an operation that no counter knows')

    step.model.head.loss = fails
    before = torch.get_rng_state()
    assert logged(step) == {}
    assert torch.equal(torch.get_rng_state(), before)


def test_other_models_are_not_counted(toy_run):
    hub = toy_run(epochs=1, hooks=[dict(type='FlopsHook')]).message_hub
    assert 'train/tflops' not in hub.log_scalars
