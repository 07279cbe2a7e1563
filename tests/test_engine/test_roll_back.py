"""What a run goes on with after it went back to a checkpoint."""

import torch

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
