"""The stock runner, with a terminal and loaders of our own."""

import errno
import pickle
import warnings

import numpy as np
import pytest
from mmengine.config import Config
from mmengine.runner import Runner
from torch import nn

from siameseim.launch.terse_runner import TerseRunner


class Draws:
    """Each item is a random number of the worker that loads it."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        return np.random.rand()


def loader(build, **settings):
    """A loader of two workers; batches hold numbers as they were drawn."""
    config = dict(
        dataset=Draws(),
        sampler=dict(type='DefaultSampler', shuffle=False),
        batch_size=2,
        num_workers=2,
        collate_fn=dict(type='pseudo_collate'),
    )
    return build(config | settings, seed=5)


def test_its_workers_draw_what_those_of_the_stock_runner_do():
    stock = [*loader(Runner.build_dataloader)]
    assert [*loader(TerseRunner.build_dataloader)] == stock
    assert len({number for batch in stock for number in batch}) == 8


def test_its_workers_can_be_spawned():
    begin = loader(TerseRunner.build_dataloader).worker_init_fn
    again = pickle.loads(pickle.dumps(begin))
    assert again.func is begin.func
    assert again.keywords['first'].keywords == begin.keywords['first'].keywords


def test_runs_of_one_second_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr('time.time', lambda: 1e9)
    runners = [TerseRunner(nn.Identity(), str(tmp_path)) for _ in range(2)]
    first, second = [runner.log_dir for runner in runners]
    assert sorted(map(str, tmp_path.iterdir())) == [first, second]


def test_a_run_after_the_clock_was_set_back_has_the_last_folder(
    tmp_path, monkeypatch
):
    """In whose order their logs are read."""
    for now in (2e9, 1e9):
        monkeypatch.setattr('time.time', lambda now=now: now)
        runner = TerseRunner(nn.Identity(), str(tmp_path))
    assert runner.log_dir == max(map(str, tmp_path.iterdir()))
    assert len([*tmp_path.iterdir()]) == 2


def test_runs_of_one_second_draw_into_their_own_work_directories(
    tmp_path, monkeypatch
):
    """Which mmengine keeps by the name of a run."""
    monkeypatch.setattr('time.time', lambda: 2e9)
    works = [str(tmp_path / name) for name in 'ab']
    runners = [TerseRunner(nn.Identity(), work) for work in works]
    for runner in runners:
        (backend,) = runner.visualizer._vis_backends.values()
        assert backend._save_dir.startswith(runner.work_dir)


def test_long_reports_go_to_the_log_file_and_warnings_everywhere(
    tmp_path, capsys
):
    runner = TerseRunner(
        nn.Identity(), str(tmp_path), cfg=Config({'a': {'b': list(range(99))}})
    )
    runner.logger.warning('\n'.join(f'bad {line}' for line in range(99)))
    table = 'per class results:\n' + 20 * '| wall | 50.0 |\n'
    runner.logger.info(table)
    runner.logger.info(f'Exp name: {runner.experiment_name}')
    screen = capsys.readouterr()
    screen = screen.out + screen.err
    (log,) = tmp_path.glob('*/*.log')
    for text in (
        'System environment',
        'b=[',
        'before_train_epoch',
        'Exp name:',
    ):
        assert text in log.read_text()
        assert text not in screen
    assert f'environment, config and hooks: {log}' in screen
    assert 'bad 98' in screen and table in screen


def test_no_process_warns_of_a_setting_of_ours(tmp_path, monkeypatch):
    def wrap(self, cfg, model):
        for text in ('`broadcast_buffers` is deprecated. Use', 'another'):
            warnings.warn(text, FutureWarning, stacklevel=2)
        return model

    monkeypatch.setattr(Runner, 'wrap_model', wrap)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter('always', FutureWarning)
        TerseRunner(nn.Identity(), str(tmp_path))
    assert [str(w.message) for w in seen] == ['another']


def test_a_full_disk_is_named_with_the_cure(tmp_path, monkeypatch):
    def train(self):
        raise OSError(errno.ENOSPC, 'No space left on device')  # no file

    monkeypatch.setattr(Runner, 'train', train)
    with pytest.raises(OSError, match='make room.*--resume') as error:
        TerseRunner(nn.Identity(), str(tmp_path)).train()
    assert error.value.filename == str(tmp_path)
