"""Running real commands, briefly."""

import os
import sys
import time
from pathlib import Path

import pytest

from bootstrap import commands as module
from bootstrap.commands import Commands, environment
from bootstrap.errors import SetupError


@pytest.fixture
def commands(tmp_path):
    return Commands(tmp_path / 'log', Path(sys.executable))


def test_output_is_returned_and_logged(commands):
    told = commands.run([sys.executable, '-c', 'print("hello")'], 'Greeting')
    assert told == 'hello\n'
    assert 'hello' in commands.log.read_text()


def test_failure_is_a_setup_error_that_names_the_log(commands):
    code = 'import sys; print("odd thing"); sys.exit(3)'
    with pytest.raises(SetupError, match='odd thing') as caught:
        commands.run([sys.executable, '-c', code], 'Greeting')
    assert str(commands.log) in caught.value.cure


def test_long_commands_give_signs_of_life(commands, monkeypatch, capsys):
    monkeypatch.setattr(module, 'HEARTBEAT_SECONDS', 0.05)
    code = 'import time; print("Installing", flush=True); time.sleep(0.5)'
    commands.run([sys.executable, '-c', code], 'Working')
    told = capsys.readouterr().out
    assert told.count('s: Installing') == 1
    assert 's: at work' in told


def test_an_interrupted_command_is_ended(commands, monkeypatch):
    pids = []

    def interrupt(process, *args):
        raise KeyboardInterrupt

    started = module.subprocess.Popen

    def remember(*args, **kwargs):
        process = started(*args, **kwargs)
        pids.append(process.pid)
        return process

    monkeypatch.setattr(module.subprocess, 'Popen', remember)
    monkeypatch.setattr(module, '_heartbeat', interrupt)
    begin = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        commands.run(['sleep', '60'], 'Sleeping')
    assert time.monotonic() - begin < 10
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_an_unreachable_index_is_told_as_such(commands, tmp_path):
    nowhere = {
        'PIP_CONFIG_FILE': os.devnull,
        'PIP_EXTRA_INDEX_URL': '',
        'PIP_FIND_LINKS': '',
        'PIP_INDEX_URL': 'http://127.0.0.1:9/simple',
    }
    with pytest.raises(SetupError, match='index cannot be reached'):
        commands.pip(
            'Installing packages',
            *('install', '--retries', '1', '--target', tmp_path, 'anything'),
            extra_env=nowhere,
        )


def test_children_do_not_see_settings_that_mislead_them(monkeypatch):
    monkeypatch.setenv('PIP_TARGET', '/elsewhere')
    monkeypatch.setenv('PIP_INDEX_URL', 'https://index.example')
    variables = environment()
    assert 'PIP_TARGET' not in variables
    assert variables['PIP_INDEX_URL'] == 'https://index.example'
