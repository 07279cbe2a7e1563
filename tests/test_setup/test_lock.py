"""One set-up at a time."""

import subprocess
import sys
import textwrap
from pathlib import Path

from bootstrap.lock import exclusive

TOOLS = Path(__file__).resolve().parents[2] / 'tools'


def holder(lock, body):
    """Start a process that takes the lock and runs ``body``."""
    code = textwrap.dedent(f"""
        import subprocess, sys, time
        sys.path.insert(0, {str(TOOLS)!r})
        from pathlib import Path
        from bootstrap.lock import exclusive
        with exclusive(Path({str(lock)!r}), 'nothing'):
            {body}
    """)
    return subprocess.Popen(
        [sys.executable, '-c', code], stdout=subprocess.PIPE, text=True
    )


def read_line(process):
    """Return the next line the process prints."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_the_second_waits_and_says_so(tmp_path, capsys):
    lock, done = tmp_path / 'lock', tmp_path / 'done'
    body = (
        'print("held", flush=True); time.sleep(1); '
        f'Path({str(done)!r}).touch()'
    )
    other = holder(lock, body)
    assert read_line(other) == 'held'
    with exclusive(lock, 'a test'):
        assert done.exists()
    other.communicate()
    assert 'waiting for another process: a test' in capsys.readouterr().out


def test_a_killed_holder_lets_go_when_its_command_ends(tmp_path):
    lock, done = tmp_path / 'lock', tmp_path / 'done'
    child = f'["sh", "-c", "sleep 1; touch {done}"]'
    body = (
        f'subprocess.Popen({child}, close_fds=False); '
        'print("held", flush=True); time.sleep(60)'
    )
    other = holder(lock, body)
    assert read_line(other) == 'held'
    other.kill()
    other.wait()
    with exclusive(lock, 'a test'):
        assert done.exists()


def test_nothing_is_printed_when_free(tmp_path, capsys):
    with exclusive(tmp_path / 'made/on/the/way/lock', 'a test'):
        pass
    assert capsys.readouterr().out == ''
