"""Trainings for a task that are asked to end."""

import signal

from siameseim.checkpoints import stop_signals
from siameseim.transfer import stop_hook
from tests.test_transfer.conftest import (
    EPOCHS,
    ITERATIONS,
    STOPPED,
    VALIDATION,
)


def test_it_saves_where_an_optimizer_step_is_complete(train, last):
    text = f'{ITERATIONS}optim_wrapper.update(accumulative_counts=4)\n'
    assert train(text, stop=5) == STOPPED
    assert last() == 'iter_8.pth'


def test_within_an_epoch_it_says_where_a_resume_goes_on(
    train, last, seen, capfd
):
    assert train(EPOCHS, stop=9) == STOPPED
    assert last() == 'epoch_1.pth'
    assert 'stopped after iteration 9' in (told := capfd.readouterr().out)
    assert '--resume goes on from' in told
    assert 'run/epoch_1.pth' in told
    seen.clear()
    assert train(EPOCHS, '--resume') == 0
    assert len(seen) == 12  # two whole epochs


def test_before_the_first_checkpoint_it_says_that_there_is_none(train, capfd):
    assert train(EPOCHS, stop=2) == STOPPED
    told = capfd.readouterr().out
    assert 'saved yet: the same command begins where this one did' in told


def test_an_epoch_that_is_complete_is_saved(train, last):
    assert train(EPOCHS, stop=12) == STOPPED
    assert last() == 'epoch_2.pth'


def test_an_epoch_that_is_complete_is_saved_before_its_checkpoint_is_due(
    train, last, seen
):
    text = f"{EPOCHS}default_hooks['checkpoint'].update(interval=3)\n"
    assert train(text, stop=6) == STOPPED
    assert last() == 'epoch_1.pth'
    seen.clear()
    assert train(text, '--resume') == 0
    assert len(seen) == 12


def test_iterations_stop_without_a_hook_that_saves_them(train, seen):
    """Also where each ends a pass over the data."""
    text = (
        f"{ITERATIONS}default_hooks['checkpoint'].update(by_epoch=True)\n"
        'train_dataloader.update(batch_size=26)\n'
    )
    assert train(text, stop=2) == STOPPED
    assert len(seen) == 2


def test_the_last_step_ends_the_training_as_ever(train, last):
    assert train(EPOCHS, stop=18) == 0
    assert last() == 'epoch_3.pth'


def test_a_validation_after_an_epoch_is_left(train, last, seen):
    assert train(EPOCHS + VALIDATION) == STOPPED
    assert last() == 'epoch_1.pth'
    assert len(seen) == 6 + 2


def test_the_last_validation_is_ended(train, last, seen):
    """A resume, which has nothing to train, would not measure again."""
    once = 'train_cfg.update(val_interval=3)\n'
    assert train(EPOCHS + VALIDATION + once) == 0
    assert last() == 'epoch_3.pth'
    assert len(seen) == 18 + 6


def test_a_validation_of_steps_that_are_not_saved_is_not_left(
    train, last, seen
):
    assert train(ITERATIONS + VALIDATION) == STOPPED
    assert last() == 'iter_5.pth'
    assert len(seen) == 4 + 6 + 1


def test_workers_outlive_a_signal_to_all_processes(train, last):
    """As Slurm's --signal=USR1@120."""
    text = (
        f'{ITERATIONS}train_dataloader.update(num_workers=1)\n'
        'optim_wrapper.update(accumulative_counts=4)\n'
    )
    status = train(text, stop=5, name='SIGUSR1', workers=True)
    assert status == 128 + signal.SIGUSR1
    assert last() == 'iter_8.pth'


def test_several_processes_stop_at_an_iteration_of_which_all_know(
    train, last, monkeypatch
):
    """Here the other one gets the signal; the first learns of it at ten."""
    waited = []
    monkeypatch.setattr(stop_signals, 'get_world_size', lambda: 2)
    monkeypatch.setattr(
        stop_signals,
        'all_reduce',
        lambda tensor, op: tensor.fill_(signal.SIGTERM),
    )
    monkeypatch.setattr(stop_hook, 'barrier', lambda: waited.append(last()))
    assert train(ITERATIONS) == STOPPED
    assert waited == ['iter_10.pth']


def test_several_processes_end_a_validation(train, seen, monkeypatch):
    """As others may have fewer batches, at which they would wait."""
    for module in (stop_signals, stop_hook):
        monkeypatch.setattr(module, 'get_world_size', lambda: 2)
    monkeypatch.setattr(stop_signals, 'all_reduce', lambda *_, **__: None)
    assert train(EPOCHS + VALIDATION) == STOPPED
    assert len(seen) == 6 + 6 + 4  # the tenth iteration is the next to ask at
