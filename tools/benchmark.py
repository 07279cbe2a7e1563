"""Time training steps of a config and compare them with others.

Examples:
  python tools/benchmark.py CONFIG                        step, share of peak
  python tools/benchmark.py CONFIG --split                parts of the step
  python tools/benchmark.py CONFIG --kernels              what the device runs
  python tools/benchmark.py CONFIG --against plain mae    side by side
  python tools/benchmark.py CONFIG --data FOLDER          and the data loader
  python tools/benchmark.py CONFIG --sweep batch --out FOLDER     curves
  python tools/benchmark.py CONFIG --watching             cost of the hooks

Steps and matrix products are measured in turn, in one process, so that a
noisy machine disturbs all alike; ratios are formed round by round. The parts
of a step are measured in steps of their own.
"""

import argparse
import json
import logging
from dataclasses import fields
from pathlib import Path
from typing import Any

import brief_waits
from siameseim.benchmark.contenders import OURS
from siameseim.benchmark.measure import Settings, measure
from siameseim.benchmark.origin import origin
from siameseim.benchmark.peers import PEERS
from siameseim.benchmark.sweep import SWEEPS, sweep
from siameseim.benchmark.table import show
from siameseim.benchmark.watching import watching_cost
from siameseim.engine.precision import PRECISIONS
from siameseim.errors import InputError
from siameseim.launch.options import add_config, command_line, read_config
from siameseim.launch.tool_errors import one_line_for

import torch
from mmengine.config import Config

MODES = ('default', 'graph', 'max-autotune-no-cudagraphs')


def parse_args(argv: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    add = parser.add_argument
    add_config(parser)
    add('--batch-size', type=int, default=16, help='images a step (16)')
    add('--steps', type=int, default=5, help='timed steps (5)')
    add('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    add('--precision', choices=PRECISIONS, help="in place of the config's")
    add(
        '--compile',
        dest='compiled',
        nargs='?',
        const=True,
        default=False,
        choices=MODES,
        help='compile each block, in this mode of torch.compile if given; '
        "'graph' also replays the step as CUDA graphs, as runs on a GPU do",
    )
    add('--split', action='store_true', help='also time the parts of a step')
    add(
        '--kernels', action='store_true', help='also time what the device runs'
    )
    add(
        '--against',
        nargs='+',
        default=(),
        choices=['plain', *OURS, *PEERS],
        help="time these in turn with ours; 'compiled' is ours in the default "
        "mode of --compile, 'eager' is ours without it",
    )
    add('--data', help='also time the data side on these images')
    add('--workers', type=int, default=0, help='of the data loader')
    add(
        '--peak-tflops',
        type=float,
        help="stated peak of the device, in place of the data sheet's",
    )
    add('--sweep', choices=SWEEPS, help='measure a curve instead')
    add('--values', nargs='+', type=int, help='points of the curve')
    add('--watching', action='store_true', help='time watching hooks instead')
    add('--out', type=Path, default=Path('.'), help='folder of the curves')
    add('--json', type=Path, help='write the result here')
    return parser.parse_args(argv)


def load_config(args: argparse.Namespace) -> Config:
    """The config with the changes of the command line.

    Raises:
        InputError: for settings that would change nothing.
    """
    for name in args.cfg_options:
        part, _, rest = name.partition('.')
        if part == 'train_dataloader' and not rest.startswith('dataset'):
            raise InputError(
                f'{name} changes nothing here: give --batch-size, and '
                '--workers with --data'
            )
    cfg = read_config(args)
    if args.precision:
        cfg.optim_wrapper.precision = args.precision
    return cfg


@one_line_for(OSError, ValueError)
def main(argv: list[str] | None = None) -> None:
    """Measure what the command line asks for, print it, write JSON."""
    args = parse_args(argv)
    logging.disable(logging.INFO)  # the list of parameter groups
    if args.json and not args.json.parent.is_dir():
        raise FileNotFoundError(f'--json: no folder {args.json.parent}')
    settings = Settings(
        **{f.name: getattr(args, f.name) for f in fields(Settings)}
    )
    cfg = load_config(args)
    about = dict(config=args.config) | origin()
    result = about | run(args, cfg, settings)
    show(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + '\n')


def run(
    args: argparse.Namespace, cfg: Config, settings: Settings
) -> dict[str, Any]:
    """Take the measurement that was asked for."""
    if args.watching:
        return watching_cost(cfg, args.batch_size, args.device, args.steps)
    if args.sweep:
        return sweep(args.sweep, cfg, settings, args.values, args.out)
    return measure(cfg, settings)


if __name__ == '__main__':
    main()
