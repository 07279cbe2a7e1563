"""A thread writes checkpoints while training goes on."""

import signal
import threading
import time
from concurrent.futures import wait

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.utils import manager
from mmpretrain.registry import HOOKS

from siameseim.atomic_file import AtomicBackend
from siameseim.checkpoints import SafeCheckpointHook
from siameseim.checkpoints.background_write import BackgroundWriter
from tests.toy_runs import pointed_to

SECOND_EPOCH = threading.Event()


@HOOKS.register_module()
class TellSecondEpoch(Hook):
    def before_train_epoch(self, runner):
        if runner.epoch == 1:
            SECOND_EPOCH.set()


@HOOKS.register_module()
class JudgeEpoch(Hook):
    """Tells the checkpoint hook a metric, as a validation loop does."""

    def __init__(self, epoch):
        self.epoch = epoch

    def before_train_epoch(self, runner):
        for hook in runner.hooks:
            judged = runner.epoch == self.epoch
            if judged and isinstance(hook, SafeCheckpointHook):
                hook.after_val_epoch(runner, dict(acc=0.5))


@pytest.fixture
def put_late(monkeypatch):
    """Lets something happen first."""

    def apply(wait):
        put = AtomicBackend.put

        def put_after(self, content, path):
            wait(str(path))
            put(self, content, path)

        monkeypatch.setattr(AtomicBackend, 'put', put_after)

    return apply


def test_training_goes_on_while_a_file_is_written(toy_run, tmp_path, put_late):
    def wait(path):
        if path.endswith('epoch_1.pth'):
            assert SECOND_EPOCH.wait(timeout=60)

    toy_run('other', epochs=2)
    SECOND_EPOCH.clear()
    put_late(wait)
    toy_run(epochs=2, hooks=[dict(type='TellSecondEpoch')])
    for name in ('epoch_1.pth', 'epoch_2.pth'):
        ours, other = (
            torch.load(tmp_path / run / name, weights_only=True)['state_dict']
            for run in ('run', 'other')
        )
        torch.testing.assert_close(ours, other, rtol=0, atol=0)
    assert pointed_to(tmp_path / 'run') == 'epoch_2.pth'


def test_a_roll_back_waits_for_the_file_it_needs(toy_run, put_late, capfd):
    put_late(lambda path: time.sleep(0.5))
    toy_run(
        epochs=2,
        hooks=[dict(type='BreakWeights', for_good=6)],
        options={'default_hooks.guard.max_skips': 2},
    )
    assert 'are again those of' in ''.join(capfd.readouterr())


def test_a_stop_waits_for_the_file(stopped, tmp_path, put_late):
    put_late(lambda path: time.sleep(0.5))
    stopped(4)
    assert pointed_to(tmp_path / 'run') == 'iter_4.pth'


def test_a_run_that_ends_since_a_file_failed_saves_the_next(
    toy_run, tmp_path, put_late
):
    def fail(path):
        if path.endswith('epoch_1.pth'):
            raise OSError('the disk was full')

    put_late(fail)
    with pytest.raises(OSError, match='the disk was full'):
        toy_run(epochs=3)
    pointer, end = tmp_path / 'run/last_checkpoint', time.monotonic() + 60
    while not pointer.exists() and time.monotonic() < end:
        time.sleep(0.01)
    assert pointed_to(tmp_path / 'run') == 'epoch_2.pth'


def test_a_file_is_not_written_twice_at_once(toy_run, tmp_path, put_late):
    """The stock hook writes the last one anew once it knows the best."""

    def wait(path):
        if threading.current_thread() is not threading.main_thread():
            time.sleep(0.5)

    put_late(wait)
    toy_run(
        epochs=2,
        hooks=[dict(type='JudgeEpoch', epoch=1)],
        options={'default_hooks.checkpoint.save_best': 'acc'},
    )
    saved = torch.load(tmp_path / 'run/epoch_1.pth', weights_only=True)
    assert saved['message_hub']['runtime_info']['best_score'] == 0.5


@pytest.mark.parametrize(
    ('epoch', 'left_out'),
    [
        (2, {'budget': 1e-6}),  # after the first
        (1, {'interval': 2}),
    ],
)
def test_the_best_needs_no_checkpoint_to_go_on_from(
    toy_run, tmp_path, epoch, left_out
):
    """An epoch without one gets none by being the best so far."""
    options = {'save_best': 'acc', **left_out}
    toy_run(
        epochs=4,
        hooks=[dict(type='JudgeEpoch', epoch=epoch)],
        options={f'default_hooks.checkpoint.{k}': options[k] for k in options},
    )
    names = {path.name for path in (tmp_path / 'run').glob('*.pth')}
    assert f'best_acc_epoch_{epoch}.pth' in names
    assert f'epoch_{epoch}.pth' not in names


@pytest.fixture
def ctrl_c():
    """Raises KeyboardInterrupt, whatever other tests left."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


def test_who_waits_again_after_ctrl_c_waits_for_the_file(ctrl_c):
    written, writer = [], BackgroundWriter()

    def write():
        time.sleep(0.2)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        time.sleep(0.5)
        written.append('all')
        raise OSError('the disk was full')

    writer.start(write)
    with pytest.raises(KeyboardInterrupt):
        writer.finish()
    assert not written
    with pytest.raises(OSError, match='the disk was full'):
        writer.finish()
    assert written
    writer.finish()  # tells of it once


def test_a_failure_is_told_while_mmengine_keeps_its_lock():
    """As after a visualizer that could not be built in this process."""

    def full():
        raise OSError(28, 'No space left on device')

    writer = BackgroundWriter()
    with manager._lock:
        writer.start(full)
        assert wait([writer._last], timeout=10).not_done == set()
    with pytest.raises(OSError, match='No space left'):
        writer.finish()
