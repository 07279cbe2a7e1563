"""Robustness of a trained classifier, in one table.

ImageNet-A, -R, -Sketch and -C where their folders are given, and the 15
corruptions of ImageNet-C made from any clean images with --corrupt. Written to
OUT.md and OUT.json too.

Examples:
  python tools/robustness.py CONFIG CHECKPOINT --imagenet-a imagenet-a \
      --imagenet-r imagenet-r --sketch sketch --imagenet-c imagenet-c
  python tools/robustness.py CONFIG CHECKPOINT --corrupt imagenette/val
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import brief_waits
from siameseim.evaluation import report, robustness_table
from siameseim.evaluation.robustness import load_classifier
from siameseim.launch.cores import loading_workers
from siameseim.launch.options import (
    add_config,
    add_workers,
    command_line,
    read_config,
)
from siameseim.launch.tool_errors import one_line_for


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    add_config(parser, checkpoint=True)
    robustness_table.add_arguments(parser)
    parser.add_argument(
        '--classes',
        metavar='FOLDER_OR_FILE',
        help='training folder, or list of its class folders, if the '
        'checkpoint does not name them',
    )
    parser.add_argument(
        '--kind', choices=['fine-tuned', 'linear'], default='fine-tuned'
    )
    parser.add_argument('--out', type=Path, default=Path('robustness'))
    parser.add_argument('--batch-size', type=int, default=128)
    add_workers(parser)
    parser.add_argument('--device', help='cpu, cuda (a GPU if there is one)')
    return parser.parse_args(argv)


@one_line_for(*robustness_table.UNMEASURED)
def main(argv: Sequence[str] | None = None) -> list[report.Row]:
    """Measure as the command line says, write and print the table."""
    args = parse_args(argv)
    classifier = load_classifier(
        read_config(args),
        args.checkpoint,
        args.classes,
        args.device,
        batch_size=args.batch_size,
        num_workers=loading_workers(args.workers),
    )
    rows = robustness_table.robustness_rows(classifier, vars(args), args.kind)
    print(report.write(rows, args.checkpoint, args.out))
    if failed := robustness_table.failures(rows):
        sys.exit(f'error: the table lacks\n{failed}')
    return rows


if __name__ == '__main__':
    main()
