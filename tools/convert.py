"""Convert a ViT checkpoint of any known layout to another library's.

Usage: python tools/convert.py SOURCE DESTINATION --to FORMAT

SOURCE is a checkpoint of this package, a published SiameseIM file, one of
mmpretrain, mmdet, mmseg, MAE, timm or detectron2's ViTDet, or a file or folder
of a Hugging Face ViT; its layout is recognised. docs/weights.md has a table of
the formats.
"""

import argparse
from collections.abc import Sequence

from siameseim.launch.options import command_line
from siameseim.launch.tool_errors import one_line_for
from siameseim.weights import FORMATS, convert_checkpoint


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    parser.add_argument('source', help='file, folder or http(s) address')
    parser.add_argument('destination', help='file or folder to write')
    parser.add_argument('--to', required=True, choices=FORMATS)
    parser.add_argument('--branch', choices=['online', 'target'])
    parser.add_argument(
        '--prefix', help='of the backbone, in a file with several'
    )
    parser.add_argument(
        '--num-heads', type=int, help='where the source does not tell it'
    )
    parser.add_argument(
        '--img-size',
        '--image-size',
        type=int,
        nargs='+',
        metavar='PIXELS',
        help='size, or height and width, that the result has positions for',
    )
    parser.add_argument(
        '--allow-lossy',
        action='store_true',
        help='go on where the result cannot have the same features',
    )
    args = parser.parse_args(argv)
    if args.img_size and len(args.img_size) > 2:
        parser.error('--img-size takes one or two numbers')
    return args


@one_line_for(OSError, ValueError, ImportError)
def main(argv: Sequence[str] | None = None) -> None:
    """Convert, or say in one line why not."""
    args = vars(parse_args(argv))
    size = args.pop('img_size')
    convert_checkpoint(img_size=(size[0], size[-1]) if size else None, **args)


if __name__ == '__main__':
    main()
