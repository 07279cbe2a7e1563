"""Sharded moments: equal weights, a share of the memory, and checkpoints."""

import copy

import pytest
import torch
from mmengine.config import ConfigDict
from mmengine.optim import build_optim_wrapper
from mmengine.registry import MODEL_WRAPPERS, DefaultScope
from torch.testing import assert_close

from siameseim.benchmark.memory import static_memory
from siameseim.engine.sharded_adamw import gather_state
from tests.model_fixtures import random_batch, tiny_model
from tests.two_processes import run_in_two

STEPS = 3


def build(kind):
    torch.manual_seed(0)
    model = tiny_model().train()
    optim = dict(
        type='AutocastOptimWrapper',
        constructor='GroupedOptimWrapperConstructor',
        precision='fp32',
        clip_grad=dict(max_norm=1.0),
        optimizer=dict(type=kind, lr=1e-2, weight_decay=0.05),
        paramwise_cfg=dict(bias_decay_mult=0.0, flat_decay_mult=0.0),
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return model, build_optim_wrapper(model, ConfigDict(optim))


def train(model, wrapper, rank, steps, spoil=None):
    """Target update, forward and optimizer step on this rank's half."""
    network = MODEL_WRAPPERS.build(
        dict(
            type='MMDistributedDataParallel',
            module=model,
            device_ids=None,
            broadcast_buffers=False,
        )
    )
    for step in steps:
        model.update_target(0.9)
        views, samples = random_batch(8, seed=step)
        half = slice(4 * rank, 4 * rank + 4)
        inputs = [view[half] for view in views]
        if step == spoil and rank == 1:
            inputs[0] = inputs[0] * float('nan')
        batch = dict(
            inputs=[255 * view for view in inputs],
            data_samples={k: v[half] for k, v in samples.items()},
        )
        network.train_step(batch, wrapper)


def weights(model):
    return {k: v.clone() for k, v in model.state_dict().items()}


def both_kinds(rank):
    result = {}
    for kind in ('AdamW', 'ShardedAdamW'):
        model, wrapper = build(kind)
        train(model, wrapper, rank, range(STEPS), spoil=1)
        result[kind] = weights(model)
        local = getattr(wrapper.optimizer, 'optim', wrapper.optimizer)
        result[f'{kind} moments'] = static_memory(local)
        gather_state(wrapper.optimizer)
        state = copy.deepcopy(wrapper.state_dict()) if rank == 0 else None
        if rank == 0:
            result[f'{kind} state'] = state['state']
    return result


def resumed(rank):
    """Two steps, a checkpoint, and the third in a new optimizer.

    What is saved has another weight decay, as of a config since changed.
    """
    model, wrapper = build('ShardedAdamW')
    train(model, wrapper, rank, range(2))
    gather_state(wrapper.optimizer)
    box = [copy.deepcopy(wrapper.state_dict()) if rank == 0 else None]
    torch.distributed.broadcast_object_list(box)
    for group in box[0]['param_groups']:
        group['weight_decay'] = 0.9
    again, fresh = build('ShardedAdamW')
    again.load_state_dict(model.state_dict())
    fresh.load_state_dict(box[0])
    train(again, fresh, rank, [2])
    train(model, wrapper, rank, [2])
    return dict(without=weights(model), with_stop=weights(again))


@pytest.fixture(scope='module')
def ranks():
    return run_in_two(both_kinds)


def test_weights_are_those_of_plain_adamw_bit_for_bit(ranks):
    """EMA, BatchNorm statistics and a step that is skipped included."""
    for rank in ranks:
        assert_close(rank['ShardedAdamW'], rank['AdamW'], rtol=0, atol=0)


def test_each_process_keeps_about_half_of_the_moments(ranks):
    first, second = (rank['ShardedAdamW moments'] for rank in ranks)
    whole = ranks[0]['AdamW moments']
    assert first + second == whole
    assert max(first, second) < 0.6 * whole


def test_a_checkpoint_holds_all_moments(ranks):
    plain, gathered = (
        ranks[0][f'{kind} state'] for kind in ('AdamW', 'ShardedAdamW')
    )
    assert_close(gathered, plain, rtol=0, atol=0)


def test_a_resume_goes_on_bit_for_bit():
    for rank in run_in_two(resumed):
        assert_close(rank['with_stop'], rank['without'], rtol=0, atol=0)


def test_one_process_is_told_what_to_do():
    with pytest.raises(ValueError, match=r'use type="AdamW", or start'):
        build('ShardedAdamW')
