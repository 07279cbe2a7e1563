"""Loader workers, which end with the process that trains and not before."""

import os
import select
import signal
import time

import pytest

from siameseim.engine import worker_signals

pytestmark = pytest.mark.skipif(
    not hasattr(signal, 'sigtimedwait'), reason='Linux only'
)


def start_worker():
    """A process of a worker's: its id, and a pipe that ends with it."""
    read, write = os.pipe()
    worker = os.fork()
    if worker:
        os.close(write)
        return worker, read
    worker_signals.leave_signals_to_trainer(0)
    os.write(write, b'.')  # it is deaf from here on
    time.sleep(60)
    os._exit(1)


def has_ended(read, seconds):
    return bool(select.select([read], [], [], seconds)[0])


def test_it_ends_when_its_parent_says_so():
    worker, read = start_worker()
    assert os.read(read, 1) == b'.'
    os.kill(worker, signal.SIGTERM)
    assert has_ended(read, 20)
    assert os.waitpid(worker, 0)[1] == 0


def test_it_does_not_end_when_another_process_says_so():
    worker, read = start_worker()
    assert os.read(read, 1) == b'.'
    if (other := os.fork()) == 0:
        os.kill(worker, signal.SIGTERM)
        os._exit(0)
    os.waitpid(other, 0)
    assert not has_ended(read, 0.5)
    os.kill(worker, signal.SIGKILL)
    os.waitpid(worker, 0)


def test_it_ends_when_its_parent_is_gone(monkeypatch):
    monkeypatch.setattr(worker_signals, '_LOOK_EVERY', 0.1)
    read, write = os.pipe()
    if (parent := os.fork()) == 0:
        os.close(read)
        _, deaf = start_worker()  # which keeps the first pipe open too
        os.read(deaf, 1)
        os._exit(0)
    os.close(write)
    os.waitpid(parent, 0)
    assert has_ended(read, 20)
