"""Running external commands: output to a log, signs of life on the screen."""

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bootstrap.diagnosis import diagnose

HEARTBEAT_SECONDS = 20.0
# Settings of the caller's shell that send packages or modules elsewhere.
MISLEADING = (
    'PIP_PREFIX',
    'PIP_TARGET',
    'PIP_USER',
    'PYTHONHOME',
    'PYTHONPATH',
    'VIRTUAL_ENV',
    '__PYVENV_LAUNCHER__',
)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print a title, run the block, and print how long it took."""
    print(f'-> {title}', flush=True)
    start = time.monotonic()
    yield
    print(f'   done in {time.monotonic() - start:.1f} s', flush=True)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables for a child, without those that mislead it."""
    kept = {k: v for k, v in os.environ.items() if k not in MISLEADING}
    return {**kept, 'PYTHONNOUSERSITE': '1', **(extra or {})}


class Commands:
    """Runs commands and keeps all they print in one log file.

    Args:
        log: The file, appended to.
        python: The environment's Python, which need not be there yet.
    """

    def __init__(self, log: Path, python: Path) -> None:
        self.log = log
        self.python = python

    def run(
        self,
        command: Sequence[str | Path],
        title: str,
        extra_env: Mapping[str, str] | None = None,
    ) -> str:
        """Run a command to its end and return what it printed.

        Args:
            command: Program and arguments.
            title: What the command does, for messages.
            extra_env: Variables to set for it. Defaults to None.

        Raises:
            SetupError: If the command fails, with the likely cure.
        """
        words = [str(word) for word in command]
        lines = [f'$ {" ".join(words)}\n']
        with self.log.open('a', encoding='utf-8') as log:
            log.write(lines[0])
            process = subprocess.Popen(
                words,
                env=environment(extra_env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors='replace',
                # The child inherits the lock of lock.py: should this process
                # be killed, the next set-up still waits for its orphan.
                close_fds=False,
            )
            with _ended_with_us(process), _heartbeat(lines):
                for line in process.stdout or ():
                    log.write(line)
                    log.flush()
                    lines.append(line)
        output = ''.join(lines[1:])
        if process.wait() != 0:
            raise diagnose(output, title, str(self.log))
        return output

    def pip(
        self,
        title: str,
        *words: str | Path,
        extra_env: Mapping[str, str] | None = None,
    ) -> None:
        """Run the environment's pip; see ``run`` for the rest."""
        flags = ('-m', 'pip', '--disable-pip-version-check', '--no-input')
        self.run([self.python, *flags, *words], title, extra_env)

    def import_(self, names: str) -> None:
        """Import modules in a child, to see whether they can be."""
        self.run([self.python, '-c', f'import {names}'], f'Importing {names}')


@contextmanager
def _ended_with_us(process: subprocess.Popen[str]) -> Iterator[None]:
    """Stop the child too when the block is interrupted."""
    try:
        yield
    except BaseException:
        process.terminate()
        process.wait()
        raise


@contextmanager
def _heartbeat(lines: list[str]) -> Iterator[None]:
    """Print the newest line now and then, once, or that work goes on."""
    finished = threading.Event()
    start = time.monotonic()

    def beat() -> None:
        told = 0
        while not finished.wait(HEARTBEAT_SECONDS):
            passed = time.monotonic() - start
            news = lines[-1].strip()[:60] if len(lines) > told else 'at work'
            told = len(lines)
            print(f'   {passed:4.0f} s: {news}', flush=True)

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()
