"""k-NN accuracy of a checkpoint's frozen backbone on labelled images.

The checkpoint may be of any layout: a training checkpoint or an exported
backbone of ours, a published file, one of MAE, timm, mmpretrain ... Features
are centred means of the patch tokens. FOLDER holds train and val (or test),
each with one folder of images per class. The untrained network of a config is
that before any hook: where a PatchWhiteningHook whitens the patch embedding,
a run's own figure before training is another.

Examples:
  python tools/knn.py CHECKPOINT --data FOLDER --k 10 20 200
  python tools/knn.py --config CONFIG --data FOLDER    # untrained network
  torchrun --nproc_per_node 8 tools/knn.py CHECKPOINT --data FOLDER \
      --launcher pytorch
"""

import argparse
import logging
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import brief_waits
from siameseim.datasets.class_folders import split_folders
from siameseim.evaluation import frozen, labelled
from siameseim.launch import distributed
from siameseim.launch.cores import loading_workers
from siameseim.launch.options import add_workers, command_line
from siameseim.launch.tool_errors import one_line_for

from mmengine.dist import is_main_process


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    frozen.add_arguments(parser)
    parser.add_argument('--data', metavar='FOLDER', help='has train and val')
    parser.add_argument('--train', type=Path, help='in place of --data')
    parser.add_argument('--val', type=Path, help='in place of --data')
    parser.add_argument('--k', type=int, nargs='+')
    parser.add_argument('--temperature', type=float, default=0.1)
    parser.add_argument('--no-centre', action='store_true')
    add_workers(parser)
    parser.add_argument('--seed', type=int, default=0, help='if untrained')
    distributed.add_launcher(parser)
    return parser.parse_args(argv)


def measure(
    args: argparse.Namespace,
) -> tuple[dict[int, float], Counter[int]]:
    """Accuracy by k, and how many images of each class were classified."""
    folders = args.train, args.val
    if any(folders) if args.data else not all(folders):
        raise ValueError('give either --data, or --train and --val')
    train, val = split_folders(args.data) if args.data else folders
    backbone, preprocessor = frozen.frozen_backbone(
        frozen.from_arguments(args), args.device, args.seed
    )
    splits = labelled.labelled_splits(train, val, backbone.img_size)
    ks = args.k or [20]
    if args.k and max(ks) > len(splits[0]):
        raise ValueError(
            f'--k {max(ks)}: {train} has only {len(splits[0])} images'
        )
    here = distributed.local_world_size(args.launcher)
    workers = loading_workers(args.workers, here)
    scores = labelled.folder_accuracies(
        backbone,
        preprocessor,
        splits,
        ks,
        args.temperature,
        not args.no_centre,
        batch_size=args.batch_size,
        num_workers=workers,
        precision=args.precision,
    )
    return scores, Counter(splits[1].targets)


@one_line_for(OSError, ValueError)
def main(argv: Sequence[str] | None = None) -> dict[int, float]:
    """Encode both folders, vote, print the accuracies."""
    args = parse_args(argv)
    logging.disable(logging.INFO - 1)
    distributed.check_launcher(args.launcher)
    distributed.init_group(args.launcher)
    scores, counts = measure(args)
    if is_main_process():
        what = args.checkpoint or 'the untrained network'
        images, largest = counts.total(), max(counts.values())
        for k, score in scores.items():
            error = math.sqrt(score * (1 - score) / images)
            print(
                f'k-NN (k={k}) of {what}: {score:.1%} (standard error '
                f'{error:.1%}) of {images} images, {len(counts)} classes, the '
                f'largest with {largest / images:.1%} of the images'
            )
    distributed.end_group()
    return scores


if __name__ == '__main__':
    main()
