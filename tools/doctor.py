"""Show the stack around siameseim, what is wrong with it and what cures it.

    python tools/doctor.py                       # enough to pretrain?
    python tools/doctor.py --require detection   # enough to transfer too?

Exits with 1 if something required is wrong. Examines the environment of the
Python it is run with.
"""

import argparse
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
VENV = PROJECT / '.venv'
# The oldest Python that can read what is imported below.
OLDEST = (3, 10)
if sys.version_info < OLDEST:
    sys.exit(
        f'error: {sys.executable} is Python {sys.version.split()[0]}, too '
        'old for siameseim.\n  cure: python3 tools/setup_env.py quickstart, '
        f'then {VENV}/bin/python tools/doctor.py'
    )
# Not by `import siameseim`, which a broken stack makes impossible.
sys.path.insert(0, str(PROJECT / 'projects/siameseim'))

from environment.report import LEVELS, report  # noqa: E402


def main() -> int:
    """Parse the arguments and report."""
    parser = argparse.ArgumentParser(description='Show the stack.')
    parser.add_argument('--require', choices=LEVELS, default=LEVELS[0])
    required = parser.parse_args().require
    if VENV.is_dir() and Path(sys.prefix).resolve() != VENV.resolve():
        print(f'Note: this is not the environment of the project, {VENV}.')
        print(f'      {VENV}/bin/python tools/doctor.py examines that one.')
    return report(required)


if __name__ == '__main__':
    sys.exit(main())
