"""Pretrain with SiameseIM, or train a model for a task on it.

Examples:
  python tools/train.py configs/siameseim_vitb_pretrain.py --data FOLDER
  python tools/train.py configs/detection/CONFIG --data COCO
  python tools/train.py configs/classification/CONFIG --data CLASS_FOLDERS
  python tools/train.py CONFIG --data FOLDER --resume
  tools/dist_train.sh CONFIG 8 --data FOLDER
"""

import argparse
import errno
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import brief_waits
from siameseim.checkpoints import last_checkpoint
from siameseim.checkpoints.resume_state import check_processes
from siameseim.checkpoints.stop_signals import StopHook
from siameseim.datasets.class_folders import split_folders
from siameseim.datasets.pretrain_dataset import images_and_repeats
from siameseim.engine.worker_signals import end_workers, start_tracker
from siameseim.environment.hardware import unused_gpu
from siameseim.errors import InputError
from siameseim.launch import distributed, learning_rate, train_config
from siameseim.launch.hook_settings import check_hooks
from siameseim.launch.options import (
    add_config,
    command_line,
    parse,
    read_config,
)
from siameseim.launch.stock_parts import check_stock_parts
from siameseim.launch.terse_runner import TerseRunner
from siameseim.launch.tool_errors import one_line_for
from siameseim.transfer import config as transfer
from siameseim.transfer import cpu, schedule
from siameseim.transfer.hooks import register_hooks

import torch
from mmengine.config import Config


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    add_config(parser)
    parser.add_argument(
        '--data',
        metavar='PATH',
        help='images to pretrain on, without labels: a folder, at any depth; '
        'a .tar file or a folder of such shards; an .lmdb; '
        'for detection and segmentation the data_root of the data; for '
        'classification train and val with one folder of images per class',
    )
    parser.add_argument(
        '--work-dir',
        metavar='FOLDER',
        help='where logs and checkpoints go (work_dirs/NAME_OF_CONFIG)',
    )
    parser.add_argument(
        '--resume',
        nargs='?',
        const='auto',
        metavar='CHECKPOINT',
        help='go on from this checkpoint; without a value from the last one '
        'in the work directory, or from the beginning if there is none',
    )
    parser.add_argument('--seed', type=int, help='replaces randomness.seed')
    distributed.add_launcher(parser)
    add_pretraining_options(parser)
    return parse(parser, argv)


def add_pretraining_options(parser: argparse.ArgumentParser) -> None:
    """Options that ``refuse_pretraining_options`` knows."""
    parser.add_argument(
        '--knn',
        metavar='FOLDER',
        help='in pretraining, measure the k-NN accuracy on this folder with '
        'train and val, each with one folder of images per class: before '
        'training, after the last epoch and, as far as '
        'default_hooks.knn.budget allows, after the others',
    )
    parser.add_argument(
        '--epochs',
        type=int,
        help='in pretraining, replaces train_cfg.max_epochs; the warm-up '
        'keeps its share',
    )


def load_config(args: argparse.Namespace) -> Config:
    """The config file with the changes of the command line."""
    cfg = read_config(args)
    train_config.check_parts(cfg)
    cfg.launcher = args.launcher
    default = os.path.join('work_dirs', Path(args.config).stem)
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or default
    try:
        os.makedirs(cfg.work_dir, exist_ok=True)
        if not os.access(cfg.work_dir, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise OSError(
            f'cannot write to the work directory {cfg.work_dir} '
            f'({error.strerror}): give another with --work-dir'
        ) from error
    return cfg


def fit_config(cfg: Config, args: argparse.Namespace) -> None:
    """Fit data, seed and loaders to the command line and this machine."""
    processes = distributed.local_world_size(args.launcher)
    if transfer.is_transfer(cfg):
        refuse_pretraining_options(args, schedule.lengths(cfg))
        transfer.fit(cfg, args.data, processes)
        cpu.fit(cfg, distributed.world_size(args.launcher))
        if args.seed is not None:
            cfg.merge_from_dict({'randomness.seed': args.seed})
        return
    check_stock_parts(cfg)
    train_config.check_pipeline(cfg, args.cfg_options)
    if args.data:
        train_config.set_data(cfg, args.data, args.cfg_options)
    train_config.check_data(cfg, args.data)
    if args.knn:
        split_folders(args.knn)  # refused before anything is built
        cfg.merge_from_dict({'default_hooks.knn.data': args.knn})
    train_config.set_epochs(cfg, args.epochs)
    train_config.set_seed(cfg, args.seed)
    train_config.fit_loader(cfg.train_dataloader, processes)


def refuse_pretraining_options(args: argparse.Namespace, lengths: str) -> None:
    """Ignore no option that a config for a task has no use for.

    ``lengths`` are settings of the config to change in their place.

    Raises:
        ValueError: naming the option and what to do instead.
    """
    cures = {
        'knn': 'measure a checkpoint with tools/knn.py',
        'epochs': f'change with --cfg-options what it says now: {lengths}',
    }
    for name, cure in cures.items():
        value = getattr(args, name)
        if value is not None:
            raise ValueError(
                f'--{name} {value} is for pretraining, but {args.config} '
                f'trains for a task: leave it out, and {cure}'
            )


def build_runner(args: argparse.Namespace) -> TerseRunner:
    """Build the stock runner for the command line.

    Raises:
        OSError: if a file or folder is missing or cannot be used.
        ValueError: if there are fewer images than one batch needs.
    """
    distributed.check_launcher(args.launcher)
    cfg = load_config(args)
    check_hooks(cfg)
    fit_config(cfg, args)
    world = distributed.world_size(args.launcher)
    rate = learning_rate.scale_learning_rate(cfg, world)
    begin = last_checkpoint.set_resume(cfg, args.resume)
    earlier = last_checkpoint.earlier_run(cfg)
    absent = transfer.forget_absent_weights(cfg) if cfg.resume else None
    distributed.init_cpu_group(args.launcher)
    runner = TerseRunner.from_cfg(cfg)
    if transfer.is_transfer(cfg):
        register_hooks(runner)
    with transfer.empty_data_explained(cfg):
        loader = runner.train_dataloader
    images, repeats = images_and_repeats(loader.dataset)
    often = f', each {repeats} times an epoch' if repeats > 1 else ''
    data = f'{images} training images{often}'
    if len(loader) == 0:
        where = f' on each of {world} processes' if world > 1 else ''
        raise ValueError(
            f'{data} are fewer than one batch of {loader.batch_size}{where}: '
            'lower train_dataloader.batch_size with --cfg-options, or give '
            'more images'
        )
    check_processes(runner)
    warm_up = blur = None
    if transfer.is_transfer(cfg):
        warm_up = schedule.long_warm_up(cfg, len(loader))
    else:
        blur = train_config.wide_blur(cfg)
    for note in filter(None, [data, rate, begin, absent, blur]):
        runner.logger.info(note)
    unused = unused_gpu(torch.cuda.is_available())
    for warning in filter(None, [earlier, unused, warm_up]):
        runner.logger.warning(warning)
    return runner


def train(args: argparse.Namespace) -> int | str | None:
    """Train as the command line says: the exit status, if not 0."""
    start_tracker()
    with one_line_for(OSError, ValueError, MemoryError):
        runner = build_runner(args)
    saves = any(isinstance(hook, StopHook) for hook in runner.hooks)
    if not saves and signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    with one_line_for(InputError, OSError):  # perhaps of this process alone
        return run(runner)


def run(runner: TerseRunner) -> int | str | None:
    """Run the training; what all processes end with alike is returned."""
    try:
        runner.train()
    except SystemExit as stop:  # of a StopHook, in all processes alike
        return stop.code
    except FloatingPointError as error:  # of a hook, likewise
        return f'error: {error}'
    except KeyboardInterrupt:  # no StopHook took it over
        kept = f'the last checkpoint in {runner.work_dir} is for --resume'
        saved = any(Path(runner.work_dir).glob('*.pth'))
        sys.stderr.write(
            f'interrupted: {kept if saved else "nothing saved"}\n'
        )
        sys.exit(128 + signal.SIGINT)
    finally:
        end_workers(runner.train_dataloader)
    return None


def main(argv: Sequence[str] | None = None) -> None:
    """Train as the command line says."""
    status = train(parse_args(argv))
    distributed.end_group()
    if status:
        sys.exit(status)


if __name__ == '__main__':
    # Until training begins: formatting a config takes it for a SyntaxError.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    main()
