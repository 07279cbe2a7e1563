"""The GPU script, rehearsed on the CPU with the smallest model."""

import json
from pathlib import Path

import pytest

from siameseim.benchmark.table import suite_table
from tests.transfer_fixtures import ROOT, tool


@pytest.fixture(scope='module')
def suite():
    return tool('gpu_suite')


@pytest.fixture
def fake(suite, monkeypatch):
    """Measurements that take no time; returns the commands."""
    commands = []

    def run(command, **kwargs):
        commands.append(command)
        out = command[command.index('--json') + 1]
        result = dict(batch_size=1, steps={})
        if 'vitl' in out:
            return suite.subprocess.CompletedProcess(
                command, 1, '', 'Traceback\nOutOfMemoryError: CUDA\n'
            )
        suite.Path(out).write_text(json.dumps(result))
        return suite.subprocess.CompletedProcess(command, 0, '', '')

    monkeypatch.setattr(suite.subprocess, 'run', run)
    return commands


def test_the_same_command_goes_on_where_it_stopped(suite, fake, tmp_path):
    suite.main([str(tmp_path), '--minutes', '0'])
    assert fake == []
    suite.main([str(tmp_path), '--data', 'images'])
    count = len(fake)
    assert count == len(suite.cases('images', 16)) == 8
    suite.main([str(tmp_path), '--data', 'images'])
    assert len(fake) == count


def test_a_case_cut_off_by_the_end_of_a_call_is_run_again(
    suite, monkeypatch, tmp_path
):
    """The second case always takes too long."""
    begun = []

    def run(command, timeout, **kwargs):
        begun.append(Path(command[command.index('--json') + 1]))
        if begun[-1].stem == 'vits':
            raise suite.subprocess.TimeoutExpired(command, timeout)
        begun[-1].write_text('{"batch_size": 1, "steps": {}}')
        return suite.subprocess.CompletedProcess(command, 0, '', '')

    monkeypatch.setattr(suite.subprocess, 'run', run)
    suite.main([str(tmp_path)])
    assert not list(tmp_path.glob('*.failed'))
    suite.main([str(tmp_path)])  # which begins with it
    assert (tmp_path / 'vits.failed').is_file()
    count = len(begun)
    suite.main([str(tmp_path)])
    assert len(begun) == count


def test_a_failure_is_in_the_table(suite, fake, tmp_path, capsys):
    suite.main([str(tmp_path)])
    printed = capsys.readouterr().out
    assert 'vitl failed: OutOfMemoryError: CUDA' in printed


def test_other_files_in_the_folder_are_left_out(suite, fake, tmp_path, capsys):
    """A curve, a table of comparison (its steps are a number), a list."""
    for name, text in (
        ('growth_batch', '{"curve": "batch", "points": []}'),
        ('mae_seed0', '{"row": "mae", "steps": 100}'),
        ('log', '["steps"]'),
    ):
        (tmp_path / f'{name}.json').write_text(text)
    numbers = dict(images_per_second=4.0)
    result = dict(batch_size=8, steps=dict(ours=numbers))
    (tmp_path / 'vitb.json').write_text(json.dumps(result))
    suite.main([str(tmp_path), '--minutes', '0'])
    printed = capsys.readouterr().out
    assert '| vitb | 8 | ours | 4 |' in printed
    assert len(printed.strip().splitlines()) == 3


def test_every_case_is_a_command_the_benchmark_takes(suite, benchmark):
    for case in suite.cases('images', 16):
        config = ROOT / 'configs' / case.config
        args = benchmark.parse_args([str(config), *case.arguments])
        assert benchmark.load_config(args).model.type == 'SiameseIM'


def test_the_table_shows_spreads_ratios_and_data():
    ours = dict(images_per_second=[4.0, 3.0, 5.0], share_of_matmul=0.5)
    plain = dict(images_per_second=2.0, ours_is_faster_by=[2.0, 1.5, 2.5])
    result = dict(
        batch_size=8,
        steps=dict(ours=ours, plain=plain),
        data=dict(samples_per_second=[310.4, 299.0, 320.0]),
    )
    table = suite_table(dict(run=result), {})
    assert '| run | 8 | ours | 4  (3 to 5) | - | 0.5 |' in table
    assert '| run | 8 | plain | 2 | 2  (1.5 to 2.5) | - |' in table
    assert 'run: samples per second 310.4  (299 to 320)' in table


@pytest.mark.slow
def test_the_rehearsal_runs_to_the_end(suite, tmp_path, shared, capsys):
    images = str(shared / 'data/imagenet_fullsize_60')
    arguments = ['--rehearse', '--data', images, '--workers', '1']
    suite.main([str(tmp_path), *arguments, '--minutes', '30'])
    assert not list(tmp_path.glob('*.failed'))
    assert len(list(tmp_path.glob('*.json'))) == 8
    assert 'vitb_data: loader samples per second' in capsys.readouterr().out
