"""Compare this package with tensors the public implementations computed.

Usage: python tools/check_parity.py FILE [FILE ...]

Exits with 1 if a quantity deviates by more than is allowed, or a file cannot
be compared.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

import brief_waits
from siameseim.launch.options import command_line
from siameseim.launch.tool_errors import one_line_for
from siameseim.parity import compare_file
from siameseim.parity.report import format_report


@one_line_for()
def main(argv: Sequence[str] | None = None) -> int:
    """Print one table per file; 1 if any quantity is out of tolerance."""
    parser = command_line(__doc__)
    parser.add_argument('files', nargs='+', type=Path, metavar='FILE')
    args = parser.parse_args(argv)
    failed = 0
    for file in args.files:
        try:
            rows = compare_file(file)
        except (OSError, ValueError, RuntimeError) as error:
            failed += 1
            print(f'{file}\nerror: {error}')
            continue
        except KeyError as error:
            failed += 1
            print(f'{file}\nerror: it has no {error}: was it cut?')
            continue
        failed += sum(not row.passed for row in rows)
        print(f'{file}\n{format_report(rows)}')
    print(f'{failed} FAILED' if failed else 'all within tolerance')
    return int(failed > 0)


if __name__ == '__main__':
    sys.exit(main())
