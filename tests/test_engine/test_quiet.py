"""Which messages pass."""

import contextlib
import errno
import logging
import warnings

import pytest
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from torch import nn

from siameseim.engine.quiet import one_liners, quiet
from siameseim.launch.terse_runner import TerseRunner


def test_long_messages_wait_until_the_end_but_errors_do_not():
    logger = MMLogger.get_instance('one_liners')
    seen = []
    handler = logging.Handler()
    handler.emit = lambda record: seen.append(record.getMessage())
    logger.addHandler(handler)
    with one_liners():
        logger.info('short')
        logger.info('a\nb')
        logger.error('c\nd')
    logger.info('e\nf')
    assert seen == ['short', 'c\nd', 'e\nf']


def test_it_is_quiet_for_a_while_only_also_after_an_error():
    logger = MMLogger.get_current_instance()
    level = logger.level
    with contextlib.suppress(ValueError), quiet():
        assert not logger.isEnabledFor(logging.WARNING)
        assert logger.isEnabledFor(logging.ERROR)
        raise ValueError
    assert logger.level == level


def test_runs_of_one_second_have_folders_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr('time.time', lambda: 1e9)
    runners = [TerseRunner(nn.Identity(), str(tmp_path)) for _ in range(2)]
    first, second = [runner.log_dir for runner in runners]
    assert sorted(map(str, tmp_path.iterdir())) == [first, second]


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
