"""What the log of a run says last."""

import logging
import re
from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub

from siameseim.report import VerdictHook
from tests.test_train.conftest import (  # noqa: F401
    config,
    images,
    on_cpu,
    start,
    train,
)
from tests.test_watch.test_feature_hook import COLLAPSE, WATCH
from tests.transfer_fixtures import values


@pytest.fixture
def said(start):  # noqa: F811
    """Trains the smoke config with changes; what its log says in short."""

    def run(text):
        work = start(f'{WATCH.format("")}{text}\nlog_level = "INFO"')
        (log,) = work.glob('*/*.log')
        (verdict,) = re.findall(' in short: (.*)', log.read_text())
        assert log.read_text().rstrip().endswith(verdict)
        return verdict

    return run


def test_a_network_collapsed_on_purpose_is_told_last(said):
    verdict = said(COLLAPSE)
    assert verdict.startswith('The network seems to have collapsed: ')
    assert 'features of all images point the same way' in verdict


def test_a_short_run_is_told_as_such(said, tmp_path):
    verdict = said('')
    found = values(tmp_path / 'work', 'found_image')
    assert ' learned so far, ' in verdict or ' network learns ' in verdict
    assert 'no sign of collapse' in verdict
    assert f'among 4 training images in {found[-1]:.0%} of cases' in verdict
    assert f'(25.0% by chance, {found[0]:.0%} at first)' in verdict
    assert '12 steps are few' in verdict


@pytest.fixture
def ended(tmp_path, caplog):
    """Ends a run, whose log is given; returns what it then says."""
    folder = tmp_path / '20260101_000000/vis_data'
    runner = SimpleNamespace(
        work_dir=str(tmp_path),
        timestamp='20260101_000000',
        iter=9000,
        cfg={},
        train_dataloader=SimpleNamespace(batch_size=32),
        logger=logging.getLogger('ended'),
    )

    def end(text, **info):
        if text is not None:
            folder.mkdir(parents=True)
            (folder / 'scalars.json').write_text(text)
        runner.message_hub = MessageHub('ended')
        runner.message_hub.runtime_info.update(info)
        with caplog.at_level('INFO'):
            VerdictHook().after_train(runner)
        return caplog.text

    return end


LINE = '{"step": 9000, "found_image": 0.6}\n'


def test_what_was_measured_is_told(ended):
    told = ended(LINE, found_image=[0.6, 9000])
    assert 'in short: The network learns what it is asked for' in told


@pytest.mark.parametrize(
    ('text', 'info'),
    [(None, dict(found_image=[0.6, 9000])), ('', dict(found_image=[0.6, 1]))],
)
def test_without_a_log_nothing_is_said(ended, text, info):
    assert ended(text, **info) == ''


def test_a_run_that_is_not_watched_is_not_judged(ended):
    assert ended('{"step": 9000, "loss": 0.6}\n') == ''


def test_what_an_earlier_run_measured_is_no_verdict_on_this_one(ended):
    assert ended(LINE, found_image=[0.6, 12]) == ''


def test_a_damaged_log_does_not_fail_the_run(ended):
    told = ended('{"step": 1, "found\n' + LINE, found_image=[0.6, 9000])
    assert 'no verdict on this run: line 1 of ' in told
