"""How threads of a tool wait for each other."""

import os
import runpy
import subprocess
import sys

import pytest

from tests.transfer_fixtures import ROOT

WAITS = ('OMP_WAIT_POLICY', 'GOMP_SPINCOUNT')


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
    runpy.run_path(str(ROOT / 'tools/brief_waits.py'))
    assert os.environ.get('GOMP_SPINCOUNT') == found


def test_a_training_says_how_threads_wait_before_torch_is_loaded():
    """Torch reads it then, and not again."""
    tool = ROOT / 'tools/train.py'
    watch = (
        'import os, runpy, sys\n'
        'sys.addaudithook(lambda event, args: event == "import" and args[0] '
        '== "torch" and print(os.environ.get("GOMP_SPINCOUNT")))\n'
        f'sys.argv = ["train.py", "--help"]; sys.path[0] = "{tool.parent}"\n'
        f'runpy.run_path("{tool}", run_name="__main__")'
    )
    env = {k: v for k, v in os.environ.items() if k not in WAITS}
    told = subprocess.run(
        [sys.executable, '-c', watch], env=env, capture_output=True, text=True
    )
    assert told.stdout.splitlines()[0] == '1000', told.stderr
