"""Judging one environment: what fits together, what not, and the cure."""

from __future__ import annotations

import platform
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import requirements
from .requirements import Range

Facts = dict[str, dict[str, Any]]
SET_UP = {
    'quickstart': 'python3 tools/setup_env.py quickstart',
    'detection': 'python3 tools/setup_env.py test',
}
# Modules whose own files may not fit the machine or each other, and the
# distributions they come with.
COMPILED = {
    'torch': 'torch',
    'torchvision': 'torchvision',
    'cv2': 'opencv-python',
    'simplejpeg': 'simplejpeg',
    'mmcv.ops': 'mmcv',
}


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    name: str  # what was examined
    found: str  # what is there
    need: str  # what needs it, ``quickstart`` or ``detection``
    wanted: str = ''  # what would do
    problem: str = ''  # what is wrong; empty if nothing is
    cure: str = ''  # the command that would cure it


def check_python() -> Finding:
    """Judge the version of the running Python."""
    version = platform.python_version()
    problem = '' if version in requirements.PYTHON else 'too old'
    wanted = str(requirements.PYTHON)
    cure = f'use Python 3.11; then {SET_UP["quickstart"]}'
    return Finding('python', version, 'quickstart', wanted, problem, cure)


def check_package(name: str, wanted: Range, need: str) -> Finding:
    """Judge the installed version of one distribution."""
    version = requirements.installed(name)
    problem = ''
    if version is None:
        problem = 'not installed'
    elif version not in wanted:
        problem = 'out of range'
    cure = f"{SET_UP[need]}  (or: python -m pip install '{name}{wanted}')"
    return Finding(name, version or 'absent', need, str(wanted), problem, cure)


def check_packages() -> list[Finding]:
    """Judge the versions of the whole stack but mmcv."""
    core = requirements.CORE.items()
    extra = requirements.DETECTION.items()
    return [check_package(name, r, 'quickstart') for name, r in core] + [
        check_package(name, r, 'detection') for name, r in extra
    ]


def check_mmcv() -> Finding:
    """Judge which of mmcv and mmcv-lite is there: exactly one must be."""
    versions = {n: requirements.installed(n) for n in requirements.MMCV_NAMES}
    here = {name: v for name, v in versions.items() if v is not None}
    found = ' and '.join(f'{n} {v}' for n, v in here.items()) or 'absent'
    wanted = str(requirements.MMCV)
    cure = SET_UP['detection' if 'mmcv' in here else 'quickstart']
    problem = ''
    if len(here) > 1:
        problem = 'side by side, each overwrites files of the other'
        cure = f'python -m pip uninstall -y mmcv mmcv-lite && {cure}'
    elif not here:
        problem = 'not installed'
    elif not all(version in requirements.MMCV for version in here.values()):
        problem = 'out of range'
    return Finding('mmcv', found, 'quickstart', wanted, problem, cure)


def check_import(name: str, need: str, facts: Facts) -> Finding:
    """Judge whether a module could be imported."""
    error = str(facts[name].get('error', ''))
    if not error:
        return Finding(f'import {name}', 'works', need)
    cure = SET_UP[need]
    if re.search(r'(libGL|libg|libxcb)\S*: cannot open shared object', error):
        cure = 'apt-get install libgl1 libglib2.0-0  (as root)'
    elif name == 'mmcv.ops' and "No module named 'mmcv._ext'" in error:
        error = f'{error} (mmcv-lite has no operators)'
    elif name in COMPILED:
        # The set-up would find it there and leave it.
        cure = f'python -m pip uninstall -y {COMPILED[name]} && {cure}'
        if name == 'mmcv.ops':
            error = f'{error} (built for another torch?)'
    return Finding(f'import {name}', 'fails', need, '', error, cure)


def check_origin(facts: Facts) -> Finding | None:
    """Judge whether siameseim is imported from here; None if it is."""
    path = facts['siameseim'].get('path')
    here = Path(__file__).resolve().parents[1]
    if path is None or Path(path).resolve().parent == here:
        return None
    return Finding(
        'siameseim from',
        str(Path(path).parent),
        'quickstart',
        '',
        f'another copy is imported, not {here}',
        f'{SET_UP["quickstart"]}  (or: python -m pip install -e .)',
    )


def check_resume(facts: Facts) -> Finding:
    """Judge whether checkpoints can be resumed from with this torch."""
    error = str(facts['resume'].get('error', ''))
    found, cure = 'fails' if error else 'works', SET_UP['quickstart']
    return Finding('resume', found, 'quickstart', '', error, cure)


def check_gpu_operators(facts: Facts) -> Finding | None:
    """Judge mmcv's operators on a machine with a GPU; None without one."""
    gpu = facts['torch'].get('gpu')
    compiled = facts['mmcv.ops'].get('cuda')
    if not gpu or compiled is None:
        return None
    found = f'mmcv operators for {compiled}'
    if compiled != 'not available':
        return Finding('mmcv on GPU', found, 'detection')
    return Finding(
        'mmcv on GPU',
        'CPU operators only',
        'detection',
        '',
        f'mmdet cannot use the {gpu}',
        f'install the CUDA {facts["torch"]["cuda"]} toolkit; python -m pip '
        f'uninstall -y mmcv && {SET_UP["detection"]}',
    )
