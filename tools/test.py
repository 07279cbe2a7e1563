"""Measure a trained detector, segmentor or classifier.

Examples:
  python tools/test.py CONFIG CHECKPOINT --data FOLDER
  python tools/test.py configs/segmentation/CONFIG CHECKPOINT --tta
"""

import argparse
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import brief_waits
from siameseim.errors import InputError
from siameseim.launch import distributed
from siameseim.launch.options import add_config, command_line, read_config
from siameseim.launch.terse_runner import TerseRunner
from siameseim.launch.tool_errors import one_line_for
from siameseim.layouts.safe_load import load_file
from siameseim.transfer import config as transfer
from siameseim.transfer import cpu
from siameseim.transfer.whole_checkpoint import WholeCheckpointHook

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    add_config(parser, checkpoint=True)
    parser.add_argument(
        '--data', metavar='FOLDER', help='replaces data_root of the data'
    )
    parser.add_argument(
        '--tta',
        action='store_true',
        help='several scales and flips: tta_pipeline of the config',
    )
    parser.add_argument(
        '--work-dir',
        metavar='FOLDER',
        help='where logs go (work_dirs/NAME_OF_CONFIG)',
    )
    parser.add_argument(
        '--out', metavar='FILE', help='write the results to this JSON file'
    )
    distributed.add_launcher(parser)
    return parser.parse_args(argv)


def load_config(args: argparse.Namespace) -> Config:
    """The config file with the changes of the command line.

    Raises:
        FileNotFoundError: if config, checkpoint or data do not exist.
        ValueError: for ``--tta`` without a ``tta_pipeline``.
    """
    cfg = read_config(args, 'checkpoint')
    if cfg.get('test_dataloader') is None:
        raise ValueError(
            f'{args.config} has no test_dataloader: measure pretrained '
            'weights with tools/knn.py or tools/evaluate_frozen.py'
        )
    cfg.launcher = args.launcher
    cfg.load_from = args.checkpoint
    default = os.path.join('work_dirs', Path(args.config).stem)
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or default
    if args.tta:
        if 'tta_pipeline' not in cfg or 'tta_model' not in cfg:
            raise ValueError(
                f'{args.config} has no tta_pipeline and tta_model: test it '
                'without --tta'
            )
        cfg.test_dataloader.dataset.pipeline = cfg.tta_pipeline
        own = cfg.model.get('data_preprocessor')
        if own:  # else the runner gives the module that of the whole config
            cfg.data_preprocessor = own
        cfg.model = dict(**cfg.tta_model, module=cfg.model)
    for split in ('train', 'val'):  # whose data need not be here
        cfg[f'{split}_dataloader'] = cfg[f'{split}_cfg'] = None
    cfg.val_evaluator = cfg.optim_wrapper = cfg.param_scheduler = None
    transfer.fit(cfg, args.data, distributed.local_world_size(args.launcher))
    cpu.fit(cfg, distributed.world_size(args.launcher))
    if args.out:  # a long test must not end with a missing folder
        Path(args.out).parent.mkdir(parents=True, exist_ok=True)
    return cfg


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Test as the command line says: the scores."""
    with one_line_for(OSError, ValueError):
        distributed.check_launcher(args.launcher)
        cfg = load_config(args)
        load_file(args.checkpoint)  # says what is wrong with it, if it is
        distributed.init_cpu_group(args.launcher)
    with one_line_for(InputError):
        runner = TerseRunner.from_cfg(cfg)
        runner.register_hook(WholeCheckpointHook())
        with transfer.empty_data_explained(cfg, 'test'):
            runner.test_loop  # noqa: B018 (builds the data)
        return runner.test()


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Test as the command line says and return the results."""
    args = parse_args(argv)
    scores = measure(args)
    writes = args.out and is_main_process()
    distributed.end_group()
    # some metrics return arrays and tensors, which JSON does not know
    results = {k: torch.as_tensor(v).tolist() for k, v in scores.items()}
    if writes:
        Path(args.out).write_text(json.dumps(results, indent=2) + '\n')
    return results


if __name__ == '__main__':
    main()
