"""The doctor's report: table, notes on the hardware, problems and cures."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from . import checks, hardware
from .checks import Facts, Finding
from .probe import run_probes

# What others import comes first, so that the first problem is the cause.
IMPORTS = {
    'torch': 'quickstart',
    'torchvision': 'quickstart',
    'cv2': 'quickstart',
    'mmengine': 'quickstart',
    'mmcv': 'quickstart',
    'mmcv.ops': 'detection',
    'mmpretrain': 'quickstart',
    'mmdet': 'detection',
    'mmseg': 'detection',
    'siameseim': 'quickstart',
}
# Whoever needs detection needs what the quickstart needs too.
LEVELS = ('quickstart', 'detection')


def examine() -> tuple[list[Finding], Facts]:
    """Examine the environment of the running Python."""
    facts = run_probes([*IMPORTS, 'resume'])
    findings = [checks.check_python(), *checks.check_packages()]
    findings.append(checks.check_mmcv())
    findings += [
        checks.check_import(name, need, facts)
        for name, need in IMPORTS.items()
    ]
    findings.append(checks.check_resume(facts))
    rare = (checks.check_origin(facts), checks.check_gpu_operators(facts))
    return findings + [finding for finding in rare if finding], facts


def is_required(finding: Finding, required: str) -> bool:
    """Whether a finding matters to someone who needs ``required``."""
    return LEVELS.index(finding.need) <= LEVELS.index(required)


def table(findings: list[Finding], required: str) -> str:
    """Return one aligned line per finding."""
    lines = []
    for f in findings:
        verdict = 'ok'
        if f.problem:
            verdict = 'WRONG' if is_required(f, required) else f'({f.need})'
        lines.append(f'  {f.name:<18} {f.found:<16} {f.wanted:<16} {verdict}')
    return '\n'.join(lines)


def machine(facts: Facts) -> str:
    """Return what the hardware offers, one line per device."""
    torch = facts['torch']
    flags = [f for f in hardware.BF16_FLAGS if f in hardware.cpu_flags()]
    bf16 = f'{", ".join(flags)}: bf16 is fast' if flags else 'no fast bf16'
    lines = [f'  CPU: {hardware.usable_cores()} cores, {bf16}']
    if torch.get('gpu'):
        speed = 'fast' if torch['gpu_bf16'] else 'no fast'
        lines.append(f'  GPU: {torch["gpu"]}, {speed} bf16')
    elif hardware.has_nvidia_driver():
        lines.append(
            f'  GPU: there is a driver, but torch (CUDA {torch.get("cuda")}) '
            'cannot use it; nvidia-smi shows the newest CUDA it serves'
        )
    else:
        lines.append('  GPU: none')
    return '\n'.join(lines)


def problems(findings: list[Finding], required: str) -> str:
    """Return the problems that matter, each with its cure."""
    wrong = [f for f in findings if f.problem and is_required(f, required)]
    if not wrong:
        return f'Nothing wrong for: {required}.'
    lines = [f'Wrong for: {required}']
    for f in wrong:
        lines.append(f'  {f.name}: {f.problem}')
        lines.append(f'    cure: {f.cure}')
    own = Path(__file__).resolve().parents[3] / '.venv'
    if own.resolve() != Path(sys.prefix).resolve():
        lines.append(
            f'  tools/setup_env.py sets up {own}, not {sys.prefix}: activate '
            f'it then (source {own}/bin/activate)'
        )
    return '\n'.join(lines)


def unmet_dependencies() -> str:
    """Return what ``pip check`` says, which is advice and no verdict."""
    told = subprocess.run(
        [sys.executable, '-m', 'pip', 'check'],
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip() or told.stderr.strip()


def report(required: str) -> int:
    """Print the whole report; return 1 if something required is wrong."""
    findings, facts = examine()
    print(f'Stack of {sys.executable}\n{table(findings, required)}')
    print(f'Machine\n{machine(facts)}')
    print(f'pip check\n  {unmet_dependencies()}')
    print(problems(findings, required))
    return int(any(f.problem and is_required(f, required) for f in findings))
