"""Checkpoints: complete or absent, few, and never of a broken run."""

import errno
import json
import os
from pathlib import Path

import pytest
import torch
from mmengine.fileio import get_file_backend

from siameseim.atomic_file import write_complete, write_json
from siameseim.checkpoints import SafeCheckpointHook, checkpoint_hook
from siameseim.errors import InputError
from tests.toy_runs import pointed_to
from tests.transfer_fixtures import values
from tests.two_processes import run_in_two


def names(folder):
    return sorted(path.name for path in folder.glob('*.pth'))


def keep(count):
    return {'default_hooks.checkpoint.max_keep_ckpts': count}


def every(iterations):
    return {
        'default_hooks.checkpoint.by_epoch': False,
        'default_hooks.checkpoint.interval': iterations,
    }


def test_only_the_last_ones_are_kept(toy_run, tmp_path):
    toy_run(epochs=4, options=keep(2))
    assert names(tmp_path / 'run') == ['epoch_3.pth', 'epoch_4.pth']
    assert pointed_to(tmp_path / 'run') == 'epoch_4.pth'


def test_what_a_budget_does_not_allow_is_left_out(toy_run, tmp_path):
    """The first is not too soon after another, and the last is needed."""
    toy_run(epochs=4, options={'default_hooks.checkpoint.budget': 1e-6})
    assert names(tmp_path / 'run') == ['epoch_1.pth', 'epoch_4.pth']


def test_no_budget_leaves_more_than_an_hour_without(
    toy_run, tmp_path, monkeypatch
):
    monkeypatch.setattr(checkpoint_hook, '_LONGEST', 0.0)
    toy_run(epochs=3, options={'default_hooks.checkpoint.budget': 1e-6})
    assert len(names(tmp_path / 'run')) == 3


def test_a_large_budget_allows_each(toy_run, tmp_path):
    toy_run(epochs=3, options={'default_hooks.checkpoint.budget': 1e6})
    assert len(names(tmp_path / 'run')) == 3


def test_a_negative_budget_is_refused():
    with pytest.raises(InputError, match='default_hooks.checkpoint.budget=-1'):
        SafeCheckpointHook(budget=-1)


def test_a_resumed_run_removes_files_of_the_first(toy_run, stopped, tmp_path):
    stopped(9, options=keep(1))
    assert names(tmp_path / 'run') == ['iter_9.pth']
    toy_run(options=keep(1), resume='run/iter_9.pth')
    assert names(tmp_path / 'run') == ['epoch_3.pth']


def test_what_a_killed_run_had_yet_to_remove_is_removed(toy_run, tmp_path):
    """It had written the new file, and named it as the last one."""
    toy_run(epochs=2, options=keep(1))
    (tmp_path / 'run/epoch_1.pth').touch()
    toy_run(options=keep(1), resume='run/epoch_2.pth')
    assert names(tmp_path / 'run') == ['epoch_3.pth']


def test_a_file_that_is_saved_twice_is_not_removed(stopped, tmp_path):
    """As it is due, and once more for a signal."""
    stopped(4, options={**keep(1), **every(4)})
    assert names(tmp_path / 'run') == ['iter_4.pth']


def test_interval_in_iterations(toy_run, tmp_path):
    toy_run(epochs=2, options=every(4))
    assert names(tmp_path / 'run') == [
        'epoch_2.pth',
        'iter_4.pth',
        'iter_8.pth',
    ]


@pytest.mark.parametrize('failing', ['fsync', 'replace'])
def test_an_interrupted_save_leaves_the_old_file(
    tmp_path, monkeypatch, failing
):
    """The disk fills up, or the process ends, before the rename."""
    backend = get_file_backend(backend_args=dict(backend='atomic'))
    path = tmp_path / 'epoch_1.pth'
    backend.put(b'old', path)

    def full(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, failing, full)
    with pytest.raises(OSError, match='No space left'):
        backend.put(b'new', path)
    assert path.read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['epoch_1.pth']


def test_a_full_disk_keeps_the_previous_checkpoint(
    toy_run, tmp_path, monkeypatch
):
    replace = os.replace

    def full_from_the_second_checkpoint_on(source, target):
        if str(target).endswith(('epoch_2.pth', 'epoch_3.pth')):
            raise OSError(28, 'No space left on device')
        replace(source, target)

    monkeypatch.setattr(os, 'replace', full_from_the_second_checkpoint_on)
    with pytest.raises(OSError, match='No space left'):
        toy_run(options=keep(1))
    assert names(tmp_path / 'run') == ['epoch_1.pth']
    assert pointed_to(tmp_path / 'run') == 'epoch_1.pth'
    torch.load(tmp_path / 'run/epoch_1.pth', weights_only=True)


@pytest.mark.parametrize('name', ['epoch_9.pth', 'last_checkpoint'])
def test_what_a_killed_run_left_of_a_file_is_removed(toy_run, tmp_path, name):
    (tmp_path / 'run').mkdir()
    (tmp_path / f'run/.{name}.123.tmp').touch()
    toy_run(epochs=1)
    assert [p.name for p in (tmp_path / 'run').glob('.*.tmp')] == []


@pytest.mark.parametrize(
    ('broken', 'saved'),
    [
        ([5], ['epoch_2.pth', 'iter_7.pth']),  # the last step of epoch 1
        ([5, 6], ['epoch_2.pth', 'iter_8.pth']),
        ([11], ['epoch_1.pth', 'epoch_2.pth']),  # none follows this one
    ],
)
def test_a_skipped_step_costs_no_checkpoint(toy_run, tmp_path, broken, saved):
    hook = dict(type='BreakWeights', iterations=broken)
    toy_run(hooks=[hook], epochs=2)
    assert names(tmp_path / 'run') == saved


def test_a_signal_at_a_skipped_step_stops_after_the_next(stopped, tmp_path):
    stopped(4, hooks=[dict(type='BreakWeights', iterations=[3])])
    assert names(tmp_path / 'run') == ['iter_5.pth']


def test_saving_between_log_lines_leaves_their_means_alone(toy_run, tmp_path):
    def losses(interval):
        name = f'every_{interval}'
        options = {**every(interval), 'default_hooks.logger.interval': 3}
        toy_run(name, epochs=1, options=options)
        return values(tmp_path / name, 'loss')

    assert losses(2) == losses(1000)


def test_what_a_library_says_of_a_file_is_passed_on(tmp_path):
    def write(path):
        raise OSError('cannot write mode RGBA as JPEG')

    with pytest.raises(OSError, match='^cannot write mode RGBA as JPEG$'):
        write_complete(tmp_path / 'a.jpg', write)


def test_json_that_a_full_disk_cuts_short_replaces_nothing(
    tmp_path, monkeypatch
):
    """As the result of hours, which is taken for finished if it is there."""
    path = tmp_path / 'results/row.json'
    write_json(path, dict(knn=[1.5]), indent=1)
    assert path.read_text() == '{\n "knn": [\n  1.5\n ]\n}\n'

    def half(self, text):
        self.write_bytes(text.encode()[:5])
        raise OSError(errno.ENOSPC, 'No space left on device')

    monkeypatch.setattr(Path, 'write_text', half)
    with pytest.raises(OSError, match='nothing was replaced'):
        write_json(path, dict(knn=[2.5]), indent=1)
    assert json.loads(path.read_bytes()) == dict(knn=[1.5])
    assert [*path.parent.iterdir()] == [path]


def test_what_is_synced_may_be_written_as_windows_asks(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(
        'os.fsync', lambda number: synced.append(os.write(number, b''))
    )
    write_complete(tmp_path / 'a', lambda path: path.write_bytes(b'b'))
    assert synced == [0] and (tmp_path / 'a').read_bytes() == b'b'


def last_saved(rank, folder):
    """Of two files, the newer of which the second process does not see."""
    hook = SafeCheckpointHook(interval=1)
    hook.out_dir, hook._kept = f'{folder}/{rank}', ['a.pth', 'b.pth']
    return Path(hook.last_saved()).name


def test_all_processes_go_back_to_the_same_file(tmp_path):
    for name in ('0/a.pth', '0/b.pth', '1/a.pth'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert run_in_two(last_saved, str(tmp_path)) == ['a.pth', 'a.pth']
