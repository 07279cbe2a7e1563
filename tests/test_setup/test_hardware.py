"""What is said of a GPU that torch does not see, and how threads wait."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from siameseim.environment import hardware


@pytest.mark.parametrize(
    ('driver', 'available', 'visible', 'said'),
    [
        (True, False, None, True),
        (True, False, '0', True),
        (True, True, None, False),
        (False, False, None, False),
        (True, False, '', False),  # hidden on purpose
        (True, False, '-1', False),
    ],
)
def test_a_gpu_that_is_not_used_is_told_of(
    monkeypatch, driver, available, visible, said
):
    monkeypatch.setattr(hardware, 'has_nvidia_driver', lambda: driver)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    if visible is not None:
        monkeypatch.setenv('CUDA_VISIBLE_DEVICES', visible)
    text = hardware.unused_gpu(available)
    assert (text is not None) == said


def test_memory_that_windows_does_not_tell_of_is_none(monkeypatch):
    monkeypatch.setitem(sys.modules, 'resource', None)
    assert hardware.peak_host_memory() == 0


@pytest.mark.parametrize(
    ('given', 'found'),
    [
        ({}, '1000'),
        (dict(GOMP_SPINCOUNT='7'), '7'),
        (dict(OMP_WAIT_POLICY='ACTIVE'), None),
    ],
)
def test_threads_wait_briefly_unless_told_otherwise(monkeypatch, given, found):
    monkeypatch.setattr('os.environ', dict(given))
    hardware.wait_briefly()
    assert os.environ.get('GOMP_SPINCOUNT') == found


def test_a_training_says_how_threads_wait_before_torch_is_loaded():
    """Torch reads it then, and not again."""
    tool = Path(__file__).parents[2] / 'tools/train.py'
    watch = (
        'import os, runpy, sys\n'
        'sys.addaudithook(lambda event, args: event == "import" and args[0] '
        '== "torch" and print(os.environ.get("GOMP_SPINCOUNT")))\n'
        f'sys.argv = ["train.py", "--help"]; sys.path[0] = "{tool.parent}"\n'
        f'runpy.run_path("{tool}", run_name="__main__")'
    )
    waits = ('OMP_WAIT_POLICY', 'GOMP_SPINCOUNT')
    env = {k: v for k, v in os.environ.items() if k not in waits}
    told = subprocess.run(
        [sys.executable, '-c', watch], env=env, capture_output=True, text=True
    )
    assert told.stdout.splitlines()[0] == '1000', told.stderr
