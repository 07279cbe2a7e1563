"""Letting one set-up at a time work in a folder."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive(path: Path, waiting_for: str) -> Iterator[None]:
    """Hold the lock on a file, waiting for another process if need be.

    The system drops the lock when its holder and the commands it started
    have ended, however they ended.

    Args:
        path: The lock file, created if absent.
        waiting_for: What the other process does, for the message.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('a') as file:
        os.set_inheritable(file.fileno(), True)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f'waiting for another process: {waiting_for}', flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
