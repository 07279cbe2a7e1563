"""Steps that are not finite: skipped, counted, named, rolled back."""

import copy
import json

import pytest
import torch
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS
from torch.testing import assert_close

from siameseim.engine import AutocastOptimWrapper
from siameseim.engine.guard_hook import SKIPPED_FILE, NonFiniteGuardHook
from tests.model_fixtures import random_batch, tiny_model
from tests.two_processes import run_in_two


def small_guard(max_skips, max_rollbacks=3):
    return {
        'default_hooks.guard.max_skips': max_skips,
        'default_hooks.guard.max_rollbacks': max_rollbacks,
    }


def wrapper_of(model, **kwargs):
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], **kwargs
    )
    return AutocastOptimWrapper(
        precision='fp32', optimizer=optimizer, clip_grad=dict(max_norm=1.0)
    )


def state_of(model, wrapper):
    """Weights, target, buffers and moments, copied."""
    moments = wrapper.optimizer.state_dict()['state']
    tensors = dict(model.state_dict())
    for index, state in moments.items():
        tensors |= {f'{index}.{name}': v for name, v in state.items()}
    return {name: value.clone() for name, value in tensors.items()}


def train_on(model, wrapper, views, samples):
    model.update_target(0.9, wrapper.skipped)
    with wrapper.optim_context(model):
        losses = model(views, samples, mode='loss')
    wrapper.update_params(sum(losses.values()))


@pytest.mark.parametrize('fused', [True, False])
def test_a_skipped_step_changes_nothing_of_the_true_model(fused):
    torch.manual_seed(0)
    model = tiny_model().train()
    wrapper = wrapper_of(model, lr=0.1, fused=fused)
    views, samples = random_batch(4)
    train_on(model, wrapper, views, samples)
    model.update_target(0.9, wrapper.skipped)
    before = state_of(model, wrapper)
    broken = [views[0], views[1].clone()]
    broken[1][2, 0, 0, 0] = float('inf')
    with wrapper.optim_context(model):
        losses = model(broken, samples, mode='loss')
    wrapper.update_params(sum(losses.values()))
    model.update_target(0.9, wrapper.skipped)  # of the step to come
    assert_close(state_of(model, wrapper), before, rtol=0, atol=0)
    train_on(model, wrapper, views, samples)
    model.update_target(0.9, wrapper.skipped)
    changed = state_of(model, wrapper)
    assert all(value.isfinite().all() for value in changed.values())
    for part in ('cls_token', 'running_mean', 'target.', 'exp_avg'):
        assert any(
            not torch.equal(before[n], changed[n]) for n in before if part in n
        ), part


def test_one_micro_batch_spoils_its_whole_window():
    torch.manual_seed(0)
    model = tiny_model().train()
    wrapper = wrapper_of(model, lr=0.1, fused=True)
    wrapper._accumulative_counts = 2
    views, samples = random_batch(4)
    model.update_target(0.9)
    before = copy.deepcopy(model.state_dict())
    for factor in (float('nan'), 1.0):
        with wrapper.optim_context(model):
            losses = model([factor * v for v in views], samples, mode='loss')
        wrapper.update_params(sum(losses.values()))
    assert wrapper.skipped
    assert_close(model.state_dict(), before, rtol=0, atol=0)


def test_an_infinite_loss_with_finite_gradient_is_skipped():
    model = torch.nn.Linear(2, 1)
    wrapper = wrapper_of(model, lr=0.1, fused=True)
    before = model.weight.clone()
    with wrapper.optim_context(model):
        wrapper.update_params(model(torch.ones(1, 2)).sum() + float('inf'))
    assert torch.equal(model.weight, before)


def skip_on_one_rank(rank):
    """A loss that is NaN on rank 1 only; flags and weights of both."""
    torch.manual_seed(0)
    model = torch.nn.Linear(2, 1)
    network = torch.nn.parallel.DistributedDataParallel(model)
    wrapper = wrapper_of(model, lr=0.1, fused=True)
    before = model.weight.clone()
    flags = []
    for broken in (True, False):
        bad = broken and rank == 1
        factor = float('nan') if bad else 1.0
        with wrapper.optim_context(network):
            loss = network(torch.ones(1, 2)).sum() * (rank + 1) * factor
        wrapper.update_params(loss)
        flags.append(bool(wrapper.skipped))
        if broken:
            kept = torch.equal(model.weight, before)
    return dict(flags=flags, kept=kept, weight=model.weight.detach())


def test_both_processes_skip_the_same_steps():
    first, second = run_in_two(skip_on_one_rank)
    for result in (first, second):
        assert result['flags'] == [True, False]
        assert result['kept']
    assert torch.equal(first['weight'], second['weight'])


def test_a_short_break_is_counted_and_the_run_goes_on(
    toy_run, tmp_path, log_text
):
    runner = toy_run(hooks=[dict(type='BreakWeights', iterations=[7])])
    assert runner.iter == 18
    lines = (tmp_path / 'run' / SKIPPED_FILE).read_text().splitlines()
    assert [json.loads(line)['iteration'] for line in lines] == [8]
    assert '1 step up to iteration 8 was skipped' in log_text()


def test_a_lasting_break_rolls_back_to_the_last_checkpoint(
    toy_run, tmp_path, log_text
):
    hook = dict(type='BreakWeights', for_good=7)
    runner = toy_run(hooks=[hook], options=small_guard(4))
    assert runner.iter == 18
    assert all(v.isfinite().all() for v in runner.model.state_dict().values())
    assert 'roll-back 1 of at most 3' in log_text()
    # Iterations 8 to 11 were skipped, and the flags were read after 12.
    saved = torch.load(tmp_path / 'run/epoch_1.pth', weights_only=True)
    step = runner.optim_wrapper.optimizer.state_dict()['state'][0]['step']
    assert step == saved['optimizer']['state'][0]['step'] + 6


def test_a_roll_back_to_a_checkpoint_without_optimizer(toy_run, log_text):
    hook = dict(type='BreakWeights', for_good=7)
    options = {'default_hooks.checkpoint.save_optimizer': False}
    runner = toy_run(hooks=[hook], options={**small_guard(4), **options})
    assert runner.iter == 18
    assert 'roll-back 1 of at most 3' in log_text()


def test_steps_that_are_read_together_roll_back_once(toy_run, log_text):
    """Six, of which two in a row are too many."""
    hook = dict(type='BreakWeights', for_good=6)
    options = {**small_guard(2), 'default_hooks.logger.interval': 6}
    runner = toy_run(hooks=[hook], options=options)
    assert runner.iter == 18
    assert 'roll-back 1 of' in log_text()
    assert 'roll-back 2 of' not in log_text()


def test_nothing_is_saved_in_trouble(toy_run, tmp_path, log_text):
    hook = dict(type='BreakWeights', for_good=9)
    toy_run(hooks=[hook], options=small_guard(100))
    names = sorted(p.name for p in (tmp_path / 'run').glob('*.pth'))
    assert names == ['epoch_1.pth']
    assert 'no checkpoint is saved' in log_text()


def test_it_stops_when_rolling_back_does_not_help(toy_run):
    hook = dict(type='BreakWeights', iterations=range(7, 18))
    with pytest.raises(FloatingPointError, match='after 2 roll-backs'):
        toy_run(hooks=[hook], options=small_guard(2, max_rollbacks=2))


def test_it_stops_where_there_is_no_checkpoint(toy_run):
    hook = dict(type='BreakWeights', for_good=0)
    with pytest.raises(FloatingPointError, match='no checkpoint of') as error:
        toy_run(hooks=[hook], options=small_guard(3))
    assert 'start it again with' in str(error.value)
    assert 'resume' not in str(error.value)


def test_settings_without_sense_are_refused():
    with pytest.raises(ValueError, match='max_skips >= 1'):
        NonFiniteGuardHook(max_skips=0)


def test_counts_survive_a_resume(toy_run):
    hook = dict(type='BreakWeights', for_good=7)
    toy_run(hooks=[hook], options=small_guard(4))
    resumed = toy_run('again', resume='run/epoch_3.pth')
    guard = next(h for h in resumed.hooks if isinstance(h, NonFiniteGuardHook))
    assert (guard.skips, guard.rollbacks) == (5, 1)


@HOOKS.register_module()
class LookAtGradients(Hook):
    """Keeps whether a weight has a gradient, after each iteration."""

    priority = 'LOWEST'

    def __init__(self):
        self.found = []

    def after_train_iter(self, runner, *_, **__):
        self.found.append(runner.model.online.weight.grad is not None)


def test_a_roll_back_forgets_the_window_that_has_begun(toy_run):
    """Steps of 4; 13 to 16 are not finite, which is seen after 18."""
    runner = toy_run(
        epochs=4,
        accumulation=4,
        options={**small_guard(1), 'default_hooks.logger.interval': 6},
        hooks=[
            dict(type='BreakWeights', iterations=range(12, 16)),
            dict(type='LookAtGradients'),
        ],
    )
    (guard,) = (h for h in runner.hooks if isinstance(h, NonFiniteGuardHook))
    assert guard.rollbacks == 1
    (look,) = (h for h in runner.hooks if isinstance(h, LookAtGradients))
    # 17, 18 and 19
    assert look.found[16:19] == [True, False, True]
