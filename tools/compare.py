"""SiameseIM beside MAE, MoCo v3 and its ablations: one command a row.

ROW is a file of configs/comparison without its ending, or the path of a config
file anywhere, whose row has the name of the file; FOLDER holds train and
val (or test), each with one folder of images per class. The labels serve the
measurements only.

Examples:
  python tools/compare.py run imagenette/mae --seed 0 --epochs 24 \
      --data imagenette --out results
  python tools/compare.py time imagenette/siameseim imagenette/mae \
      --data imagenette --out results
  python tools/compare.py table results
"""

import argparse
import json
import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import brief_waits
import train
from siameseim.atomic_file import write_json
from siameseim.comparison import cost, identity, table
from siameseim.comparison.curve_hook import FrozenCurveHook
from siameseim.comparison.frozen_scores import image_size
from siameseim.comparison.pictures import draw_comparison
from siameseim.datasets.class_folders import split_folders
from siameseim.engine.precision import has_fast_bf16
from siameseim.evaluation.labelled import labelled_splits
from siameseim.launch.options import add_options, command_line, read_config
from siameseim.launch.tool_errors import one_line_for

import torch

ROWS = Path(__file__).resolve().parents[1] / 'configs/comparison'
TIMES = 'step_times.json'


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    commands = parser.add_subparsers(dest='command', required=True)
    add = partial(commands.add_parser, allow_abbrev=False)
    run = add('run', help='train and measure one row')
    run.add_argument('row', metavar='ROW')
    run.add_argument('--seed', type=int, default=0)
    run.add_argument('--epochs', type=int, help='in place of the config')
    run.add_argument(
        '--label',
        default='',
        help="name of what --cfg-options change, beside the row's",
    )
    run.add_argument(
        '--interval', type=int, default=1, help='epochs between measurements'
    )
    run.add_argument(
        '--resume', action='store_true', help='go on where a run was stopped'
    )
    steps = add('time', help='time images of rows in turn')
    steps.add_argument('rows', metavar='ROW', nargs='+')
    steps.add_argument('--rounds', type=int, default=5)
    steps.set_defaults(epochs=None, resume=False)
    for command in (run, steps):
        command.add_argument('--data', metavar='FOLDER', required=True)
        command.add_argument(
            '--out', type=Path, required=True, help='folder of the results'
        )
        command.add_argument('--workers', type=int, default=2)
        add_options(command)
    table = add('table', help='write the table and curves')
    table.add_argument('out', type=Path, metavar='FOLDER')
    return parser.parse_args(argv)


def row_of(text: str) -> tuple[str, Path]:
    """Name and config file of a row.

    Raises:
        ValueError: if there is none, or a file has the name of another's.
    """
    known = {
        path.relative_to(ROWS).with_suffix('').as_posix(): path
        for path in sorted(ROWS.glob('*/*.py'))
    }
    if text in known:
        return text, known[text]
    if not text.endswith('.py'):
        rows = ', '.join(known)
        raise ValueError(f'no row {text!r}: give a file or one of {rows}')
    path = Path(text)
    for name, file in known.items():
        if path.resolve() == file:
            return name, file
        if path.stem == name.replace('/', '_'):
            raise ValueError(
                f'{path} would be taken for the row {name}: give the file '
                'another name'
            )
    return path.stem, path


def command_of(
    config: Path, seed: int, work_dir: Path, args: argparse.Namespace
) -> argparse.Namespace:
    """The command line of ``tools/train.py`` that trains a row."""
    wanted = train.parse_args([str(config)])
    wanted.seed, wanted.epochs = seed, args.epochs
    wanted.work_dir = str(work_dir)
    wanted.data = str(split_folders(args.data)[0])
    wanted.resume = 'auto' if args.resume else None
    wanted.cfg_options = {
        'train_dataloader.num_workers': args.workers,
        # as the other methods, so that times on a GPU can be compared
        'default_hooks.compile.enabled': False,
        'default_hooks.graph.enabled': False,
        **args.cfg_options,
    }
    return wanted


def name_of(args: argparse.Namespace) -> str:
    """Name of a run's files."""
    length = f'{args.epochs}e' if args.epochs else ''
    row, _ = row_of(args.row)
    parts = [row.replace('/', '_'), args.label, length]
    return '_'.join(filter(None, [*parts, f'seed{args.seed}']))


def place_of(args: argparse.Namespace) -> tuple[Path, Path]:
    """Work dir and result of a run; nothing that is there is replaced.

    Raises:
        ValueError: if the label cannot be part of a file's name.
        FileExistsError: if the run is there and is not to be continued, or
            is finished.
    """
    if args.label and not re.fullmatch(r'[A-Za-z][\w.-]*', args.label):
        raise ValueError(
            f'--label {args.label!r}: give a letter, then letters, digits, '
            'dots, dashes or underscores'
        )
    name = name_of(args)
    work_dir, result = args.out / 'runs' / name, args.out / f'{name}.json'
    if result.exists() and args.resume:
        raise FileExistsError(f'{result}: this run is finished')
    started = result.exists() or (work_dir / 'last_checkpoint').exists()
    if started and not args.resume:
        raise FileExistsError(
            f'{args.out} holds {name} already: give --resume to go on with '
            'it, another --label if --cfg-options differ, or another --out'
        )
    return work_dir, result


def run_row(args: argparse.Namespace) -> dict[str, Any]:
    """Train a row, measure it, write OUT/NAME.json."""
    work_dir, path = place_of(args)
    row, config = row_of(args.row)
    command = command_of(config, args.seed, work_dir, args)
    folders = split_folders(args.data)
    begun = dict(
        options={k: str(v) for k, v in args.cfg_options.items()},
        config=identity.config_digests(read_config(command)),
        data=identity.data_digest(*folders),
    )
    identity.keep_identity(work_dir, dict(interval=args.interval, **begun))
    runner = train.build_runner(command)
    splits = labelled_splits(*folders, image_size(runner.model.backbone))
    curve = FrozenCurveHook(splits, args.interval, args.workers)
    runner.register_hook(curve)
    loader = runner.train_dataloader
    batch = cost.first_batch(loader)
    gflops = cost.gflops_per_image(runner.model, batch)
    runner.train()
    device = next(runner.model.parameters()).device.type
    result = dict(
        row=row,
        label=args.label,
        seed=args.seed,
        epochs=runner.max_epochs,
        batch_size=loader.batch_size,
        steps=runner.iter,
        images_seen=runner.iter * loader.batch_size,
        gflops_per_image=gflops,
        **begun,
        workers=args.workers,
        threads=torch.get_num_threads(),
        device=device,
        fast_bf16=has_fast_bf16(device),
        torch=torch.__version__,
        curve=curve.points(runner),
    )
    write_json(path, result, indent=1)
    return result


def time_rows(args: argparse.Namespace) -> dict[str, float]:
    """Time steps of all rows in turn, write OUT/step_times.json.

    Returns:
        dict[str, float]: seconds an image by row, whatever its batch.
    """
    steps = {}
    for row, config in map(row_of, args.rows):
        command = command_of(config, 0, args.out / 'runs/time', args)
        runner = train.build_runner(command)
        runner.model.init_weights()
        runner.model.train()
        runner.message_hub.update_info('max_iters', 1000)
        optim_wrapper = runner.build_optim_wrapper(runner.optim_wrapper)
        batch = cost.first_batch(runner.train_dataloader)
        steps[row] = (runner.model, optim_wrapper, batch)
    seconds = cost.interleaved_seconds(steps, args.rounds)
    write_json(args.out / TIMES, seconds, indent=1)
    for row, value in seconds.items():
        print(f'{row:32} {1e3 * value:.2f} ms an image')
    return seconds


def write_table(args: argparse.Namespace) -> str:
    """Write OUT/table.md and OUT/curves.png."""
    results = table.read_results(args.out)
    times = args.out / TIMES
    seconds = json.loads(times.read_text()) if times.is_file() else None
    text = table.markdown(table.summarise(results), seconds)
    (args.out / 'table.md').write_text(text, 'utf-8')
    draw_comparison(results).savefig(args.out / 'curves.png')
    print(text)
    return text


@one_line_for(OSError, ValueError)
def main(argv: Sequence[str] | None = None) -> Any:
    """Do what the command line says."""
    args = parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    commands = dict(run=run_row, time=time_rows, table=write_table)
    return commands[args.command](args)


if __name__ == '__main__':
    main()
