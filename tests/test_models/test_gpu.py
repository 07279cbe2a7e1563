"""What only a CUDA device can show; `make gpu-test` runs these."""

import pytest
import torch
from torch.testing import assert_close

from siameseim.datasets.view_preprocessor import change_views
from siameseim.engine import AutocastOptimWrapper
from siameseim.engine.compile_hook import compile_blocks
from siameseim.engine.sharded_adamw import ShardedAdamW, gather_state
from tests.model_fixtures import random_batch, tiny_model

pytestmark = pytest.mark.gpu


def on_gpu():
    torch.manual_seed(0)
    model = tiny_model().cuda().train()
    model.update_target(0.9)
    views, samples = random_batch(8)
    return (
        model,
        [view.cuda() for view in views],
        {name: value.cuda() for name, value in samples.items()},
    )


def test_losses_and_gradients_equal_the_cpu():
    torch.manual_seed(0)
    cpu = tiny_model().train()
    cpu.update_target(0.9)
    expected = cpu.loss(*random_batch(8))
    sum(expected.values()).backward()
    gpu, views, samples = on_gpu()
    losses = gpu.loss(views, samples)
    sum(losses.values()).backward()
    for name, value in expected.items():
        assert_close(losses[name].cpu(), value, rtol=1e-4, atol=1e-6)
    gradients = dict(gpu.named_parameters())
    for name, parameter in cpu.named_parameters():
        if parameter.grad is not None:
            ours = gradients[name].grad.cpu()
            assert_close(ours, parameter.grad, rtol=1e-3, atol=1e-5)


def test_bf16_stays_near_fp32():
    model, views, samples = on_gpu()
    exact = model.loss(views, samples)
    with torch.autocast('cuda', dtype=torch.bfloat16):
        mixed = model.loss(views, samples)
    for name, value in exact.items():
        assert mixed[name].dtype == torch.float32
        assert_close(mixed[name], value, rtol=0.05, atol=0.01)


def test_colour_changes_equal_the_cpu_and_never_wait():
    changes = torch.full((16, 7, 2), -1.0)
    amounts = [0.7, 1.3, 0.9, 0.05, 1.0, 1.5, 128.0]
    for image in range(16):
        order = torch.tensor([(image + i) % 7 for i in range(7)])
        changes[image, :, 0] = order
        changes[image, :, 1] = torch.tensor(amounts)[order]
    generator = torch.Generator().manual_seed(0)
    views = torch.randint(0, 256, (16, 3, 32, 32), generator=generator)
    expected = change_views(views, changes)
    on_device = views.cuda()
    for sync_mode in ('default', 'error'):  # the first call may allocate
        torch.cuda.set_sync_debug_mode(sync_mode)
        try:
            changed = change_views(on_device, changes)
        finally:
            torch.cuda.set_sync_debug_mode('default')
    # a value at the threshold may be turned around on one device only
    assert ((changed.cpu() - expected).abs() > 0.1).float().mean() < 0.001


def test_a_step_never_waits_for_the_device():
    """Where it would, torch raises, as it does for what is read at the end."""
    model, views, samples = on_gpu()
    before = model.neck.predictor.head.weight.detach().clone()
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-3, fused=True)
    for sync_mode in ('default', 'error'):  # the first step may allocate
        torch.cuda.set_sync_debug_mode(sync_mode)
        try:
            model.update_target(0.9)
            with torch.autocast('cuda', dtype=torch.bfloat16):
                losses = model.loss(views, samples)
            sum(losses.values()).backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            optimizer.zero_grad()
            if sync_mode == 'error':
                with pytest.raises(RuntimeError, match='synchroniz'):
                    losses['loss_pos'].item()
        finally:
            torch.cuda.set_sync_debug_mode('default')
    assert all(loss.isfinite() for loss in losses.values())
    assert not before.equal(model.neck.predictor.head.weight)


def test_the_step_of_a_run_never_waits_for_the_device():
    """With its wrapper: autocast, BatchNorm snapshots and the skip flag."""
    model, views, samples = on_gpu()
    parameters = [p for p in model.parameters() if p.requires_grad]
    wrapper = AutocastOptimWrapper(
        optimizer=torch.optim.AdamW(parameters, lr=1e-3, fused=True),
        clip_grad=dict(max_norm=1.0),
    )
    for sync_mode in ('default', 'error'):  # the first step may allocate
        torch.cuda.set_sync_debug_mode(sync_mode)
        try:
            model.update_target(0.9, wrapper.skipped)
            with wrapper.optim_context(model):
                losses = model(views, samples, mode='loss')
            wrapper.update_params(sum(losses.values()))
        finally:
            torch.cuda.set_sync_debug_mode('default')
    assert not wrapper.skipped


def test_sharded_adamw_goes_on_from_its_state_on_the_gpu():
    """The fused kernel reads the count of steps on the device."""
    torch.distributed.init_process_group(
        'nccl', store=torch.distributed.HashStore(), rank=0, world_size=1
    )
    try:
        layer = torch.nn.Linear(4, 4).cuda()

        def optimizer():
            return ShardedAdamW(layer.parameters(), lr=0.1, fused=True)

        def step(chosen):
            layer(torch.ones(2, 4, device='cuda')).sum().backward()
            chosen.step()

        first, second = optimizer(), optimizer()
        step(first)
        gather_state(first)
        second.load_state_dict(first.state_dict())
        step(second)
        (state, *_) = second.optim.state.values()
        assert state['step'].device.type == 'cuda' and state['step'] == 2
    finally:
        torch.distributed.destroy_process_group()


def test_weights_are_initialised_on_the_gpu_as_the_runner_does():
    model = tiny_model().cuda()
    model.init_weights()
    positions = model.target.backbone.pos_embed
    assert positions.device.type == 'cuda'
    assert_close(positions, model.backbone.pos_embed)


@pytest.mark.parametrize('skipped', [False, True])
def test_the_target_moves_unless_the_step_was_skipped(skipped):
    model, _, _ = on_gpu()
    name = 'layers.1.attn.qkv.weight'
    old = dict(model.target.backbone.named_parameters())[name].clone()
    online = dict(model.backbone.named_parameters())[name].detach().add_(1)
    model.update_target(0.9, torch.tensor(skipped, device='cuda'))
    moved = dict(model.target.backbone.named_parameters())[name]
    assert_close(moved, old if skipped else 0.9 * old + 0.1 * online)


def test_compiled_blocks_give_the_same_losses():
    model, views, samples = on_gpu()
    with torch.autocast('cuda', dtype=torch.bfloat16):
        expected = model.loss(views, samples)
        compile_blocks(model)
        losses = model.loss(views, samples)
    for name, value in expected.items():
        assert_close(losses[name], value, rtol=0.02, atol=0.01)
