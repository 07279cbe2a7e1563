"""Signals of a launcher, which may come twice and to several processes."""

import signal
import subprocess
import sys
import threading
import time
from multiprocessing import resource_tracker

import pytest
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS

from siameseim.checkpoints import checkpoint_hook, stop_signals
from siameseim.engine.worker_signals import STOP_SIGNALS, start_tracker
from tests.toy_runs import pointed_to


@pytest.fixture
def two_processes(monkeypatch):
    """The hook takes itself for one of two; the other gets no signal."""
    waited = []
    monkeypatch.setattr(stop_signals, 'get_world_size', lambda: 2)
    monkeypatch.setattr(stop_signals, 'all_reduce', lambda *_, **__: None)
    monkeypatch.setattr(
        checkpoint_hook, 'barrier', lambda: waited.append(True)
    )
    return waited


def test_the_same_signal_again_does_not_cost_the_checkpoint(stopped, tmp_path):
    """Torchrun forwards what its processes have got themselves."""
    assert stopped(1, 2, accumulation=3) == 128 + signal.SIGTERM
    assert (tmp_path / 'run/iter_3.pth').is_file()


def test_usr1_to_all_processes_is_a_stop_too(stopped, tmp_path):
    """Slurm's --signal=USR1@120 reaches a job's loader workers as well."""
    usr1 = dict(type='TerminateAfter', name='SIGUSR1', workers=True)
    hooks = [dict(iteration=9, **usr1)]
    status = stopped(hooks=hooks, accumulation=4, workers=1)
    assert status == 128 + signal.SIGUSR1
    assert (tmp_path / 'run/epoch_2.pth').is_file()


def test_usr1_does_not_end_the_process_that_cleans_up(monkeypatch):
    code = 'import signal as s; s.raise_signal(s.SIGUSR1); print("alive")'
    told = []

    def start():
        command = [sys.executable, '-c', code]
        told.append(subprocess.run(command, stdout=subprocess.PIPE).stdout)

    monkeypatch.setattr(resource_tracker, 'ensure_running', start)
    start_tracker()
    assert told == [b'alive\n']
    assert signal.SIGUSR1 not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_a_signal_is_answered_at_once(capfd):
    """A step of minutes says nothing: whoever waits would press again."""
    hook = stop_signals.StopSignalHook()
    hook._received, hook._since = 0, {}
    for _ in range(2):  # once, however often it comes
        hook._receive(signal.SIGINT, None)
    told = capfd.readouterr().err
    assert told.count('SIGINT: stopping soon, at the end of a step') == 1


def test_one_of_several_processes_answers_a_signal(monkeypatch, capfd):
    monkeypatch.setattr(stop_signals, 'is_main_process', lambda: False)
    hook = stop_signals.StopSignalHook()
    hook._received, hook._since = 0, {}
    hook._receive(signal.SIGINT, None)
    assert capfd.readouterr().err == ''


def test_a_later_signal_ends_the_process_at_once(monkeypatch):
    hook, raised = stop_signals.StopSignalHook(), []
    hook._received, hook._since = 0, {}
    monkeypatch.setattr(signal, 'raise_signal', raised.append)
    monkeypatch.setattr(signal, 'signal', lambda *pair: raised.append(pair))
    now = time.monotonic()
    for seconds in (0, 1, 4.9):
        monkeypatch.setattr(time, 'monotonic', lambda s=seconds: now + s)
        hook._receive(signal.SIGINT, None)
    monkeypatch.setattr(time, 'monotonic', lambda: now + 5.1)
    hook._receive(signal.SIGTERM, None)  # Slurm's, at the time limit
    assert raised == []
    hook._receive(signal.SIGINT, None)
    assert raised == [(signal.SIGINT, signal.SIG_DFL), signal.SIGINT]


@pytest.mark.parametrize(
    ('accumulation', 'stop', 'saves'),
    [(1, 10, 1), (6, 6, 2)],  # 18 iterations: by steps alone never with 6
)
def test_several_processes_stop_within_ten_iterations_or_a_step(
    stopped, tmp_path, two_processes, accumulation, stop, saves
):
    stopped(1, accumulation=accumulation)
    run = tmp_path / 'run'
    saved = pointed_to(run)
    assert saved == ('epoch_1.pth' if stop == 6 else f'iter_{stop}.pth')
    # none leaves while the other writes
    assert two_processes == [True] * saves


@HOOKS.register_module()
class Measure(Hook):
    """Measures after each epoch, as k-NN does."""

    priority = 'LOWEST'

    def after_train_epoch(self, runner):
        epochs = runner.message_hub.get_info('measured', default=[])
        runner.message_hub.update_info('measured', [*epochs, runner.epoch])


def test_a_stop_at_an_epochs_end_waits_for_its_measurements(
    toy_run, stopped, tmp_path
):
    options = {
        'default_hooks.checkpoint.budget': 0.0,
        'default_hooks.measure': dict(type='Measure'),
    }
    stopped(12, options=options)
    assert pointed_to(tmp_path / 'run') == 'epoch_2.pth'
    runner = toy_run(resume='run/epoch_2.pth', options=options)
    assert runner.message_hub.get_info('measured') == [0, 1, 2]


def test_a_run_whose_hook_cannot_save_is_left_to_the_system(
    toy_run, capfd, monkeypatch
):
    taken = []
    monkeypatch.setattr(signal, 'signal', lambda *pair: taken.append(pair))
    toy_run(options={'default_hooks.checkpoint.type': 'CheckpointHook'})
    assert taken == []
    told = ''.join(capfd.readouterr())
    assert 'SIGTERM and Ctrl-C end this run at once, without saving' in told


def test_a_signal_in_the_last_iteration_does_not_spoil_the_end(toy_run):
    runner = toy_run(
        epochs=1, hooks=[dict(type='TerminateAfter', iteration=6)]
    )
    assert runner.iter == 6


def handlers():
    return [signal.getsignal(number) for number in STOP_SIGNALS]


def test_a_run_that_fails_gives_the_signals_back(toy_run):
    """A notebook goes on: Ctrl-C is for what runs there next."""
    before = handlers()
    with pytest.raises(ArithmeticError):
        toy_run(hooks=[dict(type='Fail')])
    assert handlers() == before


def test_a_run_in_another_thread_leaves_the_signals_alone(toy_run):
    before, done = handlers(), []
    thread = threading.Thread(target=lambda: done.append(toy_run(epochs=1)))
    thread.start()
    thread.join()
    assert done[0].iter == 6
    assert handlers() == before


def test_ctrl_c_leaves_a_python_session_open(toy_run, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'ps1', '>>> ', raising=False)
    with pytest.raises(KeyboardInterrupt):
        toy_run(
            hooks=[dict(type='TerminateAfter', iteration=4, name='SIGINT')]
        )
    assert (tmp_path / 'run/iter_4.pth').is_file()


def test_ctrl_c_twice_leaves_a_python_session_open(monkeypatch):
    monkeypatch.setattr(sys, 'ps1', '>>> ', raising=False)
    hook = stop_signals.StopSignalHook()
    hook._received, hook._since = 0, {signal.SIGINT: time.monotonic() - 6}
    with pytest.raises(KeyboardInterrupt):
        hook._receive(signal.SIGINT, None)
