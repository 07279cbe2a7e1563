"""Everything that frozen features tell of a checkpoint, in one table.

k-NN, 1 % and 10 % few-shot, the linear probe and, where the data are there,
the robustness of the linear classifier; written to OUT/frozen.md and
OUT/frozen.json beside the published figures. FOLDER holds train and val (or
test), each with one folder of images per class.

Examples:
  python tools/evaluate_frozen.py CHECKPOINT --data imagenet --out results \
      --subset-1 1percent.txt --subset-10 10percent.txt
  python tools/evaluate_frozen.py CHECKPOINT --data imagenette --out results \
      --epochs 10 --probe-batch 256 --corrupt imagenette/val
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import brief_waits
from siameseim.evaluation import frozen, report, robustness_table
from siameseim.evaluation.frozen_suite import SuiteOptions, run_suite
from siameseim.launch import distributed
from siameseim.launch.cores import loading_workers
from siameseim.launch.options import command_line
from siameseim.launch.tool_errors import one_line_for

LINEAR = 'siameseim_vitb_linear_8xb2048-90e_in1k.py'
CONFIGS = Path(__file__).resolve().parents[1] / 'configs/classification'


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    frozen.add_arguments(parser)
    parser.add_argument('--data', required=True, metavar='FOLDER')
    parser.add_argument('--out', type=Path, required=True, metavar='FOLDER')
    parser.add_argument('--k', type=int, nargs='+', default=[10, 20, 100, 200])
    parser.add_argument('--temperature', type=float, default=0.1)
    for percent in (1, 10):
        parser.add_argument(
            f'--subset-{percent}',
            metavar='FILE',
            help=f'names of the {percent} %% of images (drawn by --seed)',
        )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--epochs', type=int, help='of the linear probe (90); 0: none'
    )
    parser.add_argument(
        '--probe-batch', type=int, help='images a step of the probe (2048)'
    )
    parser.add_argument(
        '--workers',
        type=int,
        help='loading processes (one for each core, 16 at most; of the probe '
        'those of its config)',
    )
    parser.add_argument('--linear-config', default=str(CONFIGS / LINEAR))
    robustness_table.add_arguments(parser)
    return parser.parse_args(argv)


@one_line_for(*robustness_table.UNMEASURED)
def main(argv: Sequence[str] | None = None) -> list[report.Row]:
    """Measure as the command line says, write and print the table."""
    args = parse_args(argv)
    title = args.checkpoint or f'the untrained network of {args.config}'
    title += f', {args.branch} branch' if args.branch else ''
    rows: list[report.Row] = []
    try:
        distributed.check_launcher(None)
        options = SuiteOptions(
            data=args.data,
            out=args.out,
            linear_config=args.linear_config,
            ks=args.k,
            temperature=args.temperature,
            lists={0.01: args.subset_1, 0.1: args.subset_10},
            seed=args.seed,
            epochs=args.epochs,
            probe_batch=args.probe_batch,
            probe_workers=args.workers,
            shifted=vars(args),
            device=args.device,
            loading=dict(
                batch_size=args.batch_size,
                num_workers=loading_workers(args.workers),
                precision=args.precision,
            ),
        )
        for row in run_suite(frozen.from_arguments(args), options):
            rows.append(row)
    finally:  # what was measured is kept, whatever ends the rest
        if rows:
            print(report.write(rows, title, args.out / 'frozen'))
    if failed := robustness_table.failures(rows):
        sys.exit(f'error: the table lacks\n{failed}')
    return rows


if __name__ == '__main__':
    logging.captureWarnings(True)
    main()
