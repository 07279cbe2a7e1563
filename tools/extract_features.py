"""Write the features of every image in a folder to one file.

Usage: python tools/extract_features.py CHECKPOINT FOLDER OUT.npy|OUT.parquet

A feature is the mean of the backbone's patch tokens. The folder is searched at
any depth. OUT.npy has one row for each image and OUT.txt their names; in
OUT.parquet both are columns.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import brief_waits
from siameseim import get_model
from siameseim.datasets.image_folder import printable
from siameseim.evaluation.extraction import (
    check_suffix,
    folder_features,
    save_features,
)
from siameseim.launch import distributed
from siameseim.launch.cores import loading_workers
from siameseim.launch.options import add_workers, command_line
from siameseim.launch.tool_errors import one_line_for

from mmengine.device import get_device


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    parser.add_argument('checkpoint', help='any known layout')
    parser.add_argument('folder', help='folder of images')
    parser.add_argument('out', type=Path, help='.npy or .parquet')
    parser.add_argument('--branch', choices=['online', 'target'])
    parser.add_argument(
        '--num-heads', type=int, help='where the checkpoint does not tell it'
    )
    parser.add_argument(
        '--img-size',
        '--image-size',
        type=int,
        help="input side in pixels (the checkpoint's)",
    )
    parser.add_argument('--batch-size', type=int, default=64, help='(64)')
    add_workers(parser)
    parser.add_argument(
        '--device', help='cpu, cuda, cuda:1 ... (a GPU if there is one)'
    )
    return parser.parse_args(argv)


@one_line_for(OSError, ValueError, ImportError, RuntimeError)
def main(argv: Sequence[str] | None = None) -> None:
    """Extract, or say in one line why not."""
    args = parse_args(argv)
    device = args.device or get_device()
    distributed.check_launcher(None)
    check_suffix(args.out)
    backbone = get_model(
        args.checkpoint,
        args.branch,
        num_heads=args.num_heads,
        img_size=args.img_size,
    )
    workers = loading_workers(args.workers)
    result = folder_features(
        backbone.to(device), args.folder, args.batch_size, workers
    )
    written = save_features(result, args.out)
    for name in result.unreadable:
        print(f'left out, cannot be read: {printable(name)}')
    rows, width = result.features.shape
    files = ' and '.join(map(str, written))
    print(f'{rows} images, {width} numbers each: {files}')


if __name__ == '__main__':
    main()
