"""Write one HTML page that shows what a run or a checkpoint learned.

Usage: python tools/report.py WORK_DIR_OR_CHECKPOINT --images PATH
           [--out report.html]

The page holds curves of the log, signs of collapse, correspondence between
views, attention, patch features, nearest neighbours and a t-SNE map. It needs
no other file and no network.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import brief_waits
from siameseim.errors import InputError
from siameseim.launch.options import command_line
from siameseim.launch.tool_errors import one_line_for
from siameseim.report import build_report, load_run


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    parser.add_argument('run', type=Path, help='work directory or .pth file')
    parser.add_argument(
        '--images',
        type=Path,
        required=True,
        metavar='PATH',
        help='images to look at, in any form that --data of tools/train.py '
        'takes; best not those of the training',
    )
    parser.add_argument(
        '--config', type=Path, help='if none lies beside the checkpoint'
    )
    parser.add_argument('--out', type=Path, default=Path('report.html'))
    return parser.parse_args(argv)


@one_line_for(OSError, ValueError)
def main(argv: Sequence[str] | None = None) -> None:
    """Load, draw, write."""
    args = parse_args(argv)
    if args.out.is_dir():
        raise InputError(
            f'--out {args.out} is a folder: give a file, such as '
            f'{args.out / "report.html"}'
        )
    args.out.parent.mkdir(parents=True, exist_ok=True)
    page = build_report(load_run(args.run, args.config), args.images)
    args.out.write_text(page, encoding='utf-8')
    print(f'{args.out}: {len(page) / 1e6:.1f} MB')


if __name__ == '__main__':
    logging.disable(logging.INFO)  # files that are no images, told twice
    main()
