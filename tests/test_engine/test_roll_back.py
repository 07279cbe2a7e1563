"""What a run goes on with after it went back to a checkpoint."""

import pytest
import torch
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS

from siameseim.engine.guard_hook import _roll_back


def test_weights_and_moments_are_old_but_rates_those_of_now(toy_run, tmp_path):
    runner = toy_run(epochs=2)
    optimizer = runner.optim_wrapper.optimizer
    rates = [group['lr'] for group in optimizer.param_groups]
    file = tmp_path / 'run/epoch_1.pth'
    _roll_back(runner, file)
    saved = torch.load(file, weights_only=True)
    then = [group['lr'] for group in saved['optimizer']['param_groups']]
    now = [group['lr'] for group in optimizer.param_groups]
    assert now == rates and now != then
    torch.testing.assert_close(
        optimizer.state_dict()['state'], saved['optimizer']['state']
    )
    weights = runner.model.state_dict()
    torch.testing.assert_close(weights, saved['state_dict'], rtol=0, atol=0)


@HOOKS.register_module()
class RuinWeights(Hook):
    """Makes weights useless, but finite, after an iteration."""

    priority = 'HIGHEST'

    def __init__(self, iteration):
        self.iteration = iteration

    def after_train_iter(self, runner, batch_idx, **kwargs):
        if runner.iter == self.iteration:
            runner.model.online.weight.data.fill_(1e38)


def test_a_ruined_checkpoint_is_passed_over_for_the_one_before(
    toy_run, log_text
):
    """The last of epoch 2 is saved ruined."""
    ruin = dict(type='RuinWeights', iteration=11)
    options = {'default_hooks.guard.max_skips': 2}
    runner = toy_run(epochs=4, hooks=[ruin], options=options)
    assert runner.iter == 24
    assert 'epoch_2.pth (roll-back 1 of at most 3)' in log_text()
    assert 'epoch_1.pth (roll-back 2 of at most 3)' in log_text()
    assert 'roll-back 3' not in log_text()


def test_checkpoints_are_saved_again_once_a_step_is_finite(toy_run, tmp_path):
    """Steps 13 to 16 are not, of the third epoch, which ends with 18."""
    ruin = dict(type='RuinWeights', iteration=11)
    options = {'default_hooks.guard.max_skips': 2}
    toy_run(epochs=4, hooks=[ruin], options=options)
    assert (tmp_path / 'run/epoch_3.pth').is_file()


def test_no_copy_of_a_ruined_checkpoint_replaces_a_good_one(toy_run, tmp_path):
    """Step 18 is the last of two things: of epoch 3, and of too many skips."""
    ruin = dict(type='RuinWeights', iteration=11)
    options = {
        'default_hooks.guard.max_skips': 6,
        'default_hooks.guard.max_rollbacks': 1,
        'default_hooks.checkpoint.max_keep_ckpts': 2,
    }
    with pytest.raises(FloatingPointError):
        toy_run(epochs=4, hooks=[ruin], options=options)
    saved = sorted(path.name for path in (tmp_path / 'run').glob('*.pth'))
    assert saved == ['epoch_1.pth', 'epoch_2.pth']


def test_it_says_so_where_no_step_is_finite_after_a_roll_back(toy_run):
    ruin = dict(type='RuinWeights', iteration=5)
    options = {'default_hooks.guard.max_skips': 2}
    with pytest.raises(FloatingPointError, match='may be ruined') as error:
        toy_run(epochs=3, hooks=[ruin], options=options)
    assert 'start again, or resume from an earlier' in str(error.value)
