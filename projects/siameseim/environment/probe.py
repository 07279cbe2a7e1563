"""Finding out which parts of the stack can be imported, whatever they do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

CHILD = Path(__file__).with_name('probe_child.py')
SECONDS_PER_PROBE = 60


def run_probes(names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return what each probe told; the key ``error`` if it failed.

    A library that ends the process (an mmcv built for another torch may) is
    charged to the probe that ran, and the rest is probed in a new process.
    """
    results: dict[str, dict[str, Any]] = {}
    while len(results) < len(names):
        rest = names[len(results) :]
        command = [sys.executable, str(CHILD), *rest]
        output, ending = _run(command, SECONDS_PER_PROBE * len(rest))
        for line in output.splitlines():
            if line.startswith('RESULT '):
                results[names[len(results)]] = json.loads(line[7:])
        if len(results) < len(names):
            results[names[len(results)]] = {'error': f'the import {ending}'}
    return results


def _run(command: list[str], seconds: int) -> tuple[str, str]:
    """Return what a command printed, and how it ended."""
    try:
        child = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as slow:
        output = slow.stdout or b''
        return output.decode(), f'did not end within {seconds} s'
    ending = f'ended the process (exit code {child.returncode})'
    return child.stdout.decode(), ending
