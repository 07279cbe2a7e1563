"""Draw what a trained model sees in images, as PNG files.

Boxes and masks, a segmentation laid over the image, or the likeliest class,
which is printed too.

Example:
  python tools/predict.py CONFIG CHECKPOINT IMAGE_OR_FOLDER --out pictures
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import brief_waits
from siameseim.launch.options import add_config, command_line, read_config
from siameseim.launch.tool_errors import one_line_for
from siameseim.transfer import draw


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    add_config(parser, checkpoint=True)
    parser.add_argument('images', help='an image, or a folder of images')
    parser.add_argument(
        '--out',
        default='predictions',
        metavar='FOLDER',
        help='where IMAGE.png goes for each image (predictions)',
    )
    parser.add_argument(
        '--score',
        type=float,
        default=0.3,
        help='draw detections above this score (0.3)',
    )
    parser.add_argument(
        '--device', help='e.g. cpu or cuda:0 (a GPU if there is one)'
    )
    return parser.parse_args(argv)


@one_line_for(OSError, ValueError)
def main(argv: Sequence[str] | None = None) -> dict[Path, str]:
    """Draw as the command line says and return the files written."""
    args = parse_args(argv)
    files = draw.draw_predictions(
        read_config(args, 'checkpoint'),
        args.checkpoint,
        draw.find_images(args.images),
        Path(args.out),
        score=args.score,
        device=args.device,
    )
    for file, said in files.items():
        print(*filter(None, [file, said]))
    return files


if __name__ == '__main__':
    main()
