"""Pretrain a small ViT on real photographs and show what it learned.

The photographs lie inside scikit-image and scikit-learn: nothing is
downloaded. The run itself is that of configs/siameseim_quickstart.py.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import brief_waits
from siameseim.environment.hardware import unused_gpu
from siameseim.errors import InputError
from siameseim.evaluation import HeldOutHook, HeldOutScore
from siameseim.launch import train_config
from siameseim.launch.options import command_line
from siameseim.launch.terse_runner import TerseRunner
from siameseim.launch.tool_errors import one_line_for
from siameseim.report.load import curves_of, read_log
from siameseim.visualization import draw_before_after
from siameseim.visualization.figures import draw_log

import torch
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'configs/siameseim_quickstart.py'
NEXT = """
Next (README.md has more), after `source .venv/bin/activate`:
  any folder of images, at any depth, without labels, on a CPU
    python tools/train.py configs/siameseim_small_data_unmasked.py \\
        --data FOLDER --epochs 30
  the same on one GPU, ViT-S/16 at 224 pixels
    python tools/train.py configs/siameseim_vits_small_data.py --data FOLDER
  a page of pictures of what it learned
    python tools/report.py WORK_DIR --images FOLDER --out report.html
  the recipe of the paper on ImageNet, 8 GPUs of one machine
    tools/dist_train.sh configs/siameseim_vitb_pretrain.py 8 --data FOLDER
"""


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/quickstart'),
        help='where logs, pictures and results go (%(default)s)',
    )
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument(
        '--epochs', type=int, help='instead of those of the config'
    )
    return parser.parse_args(argv)


def build_runner(args: argparse.Namespace) -> TerseRunner:
    """The stock runner of the quickstart's config, quiet on the console."""
    cfg = Config.fromfile(CONFIG)
    cfg.work_dir = str(args.work_dir)
    train_config.set_epochs(cfg, args.epochs)
    train_config.set_seed(cfg, args.seed)
    train_config.fit_loader(cfg.train_dataloader, processes=1)
    return TerseRunner.from_cfg(cfg)


def summary(score: HeldOutScore) -> dict[str, Any]:
    """The numbers of one network, for results.json."""
    return dict(
        predicted=asdict(score.predicted),
        matching=asdict(score.matched),
        knn=score.knn,
    )


def show(results: dict[str, Any]) -> None:
    """Print the table of both networks."""
    before, after = results['before'], results['after']
    asked = before['predicted']
    images = round(1 / asked['image_chance'])
    rows = [
        (f'true match found, among {images} images', 'predicted', 'image'),
        ("  the same from another image's view", 'predicted', 'image_other'),
        ('right place found, in the same image', 'predicted', 'place'),
        ("  the same from another image's view", 'predicted', 'place_other'),
        ('nearest backbone feature is at its place', 'matching', 'accuracy'),
    ]
    print(f'\n{"on held-out tiles":<44}untrained  pretrained')
    for name, kind, field in rows:
        first, second = before[kind][field], after[kind][field]
        print(f'{name:<44}{first:>9.1%}{second:>12.1%}')
    knn = 'k-NN: which photograph a tile is from'
    print(f'{knn:<44}{before["knn"]:>9.1%}{after["knn"]:>12.1%}')
    print(
        f'The first two pairs of rows ask {asked["count"]} patches of one '
        'view for the feature\nthat the other view predicts; chance '
        f'{asked["image_chance"]:.1%} (match), {asked["place_chance"]:.1%} '
        '(place).\nThe task is being learned if they rise and their controls '
        'do not. Features by themselves\n(the last two rows) hardly change in '
        'so few steps; docs/quickstart.md has more.'
    )


def save(runner: TerseRunner, hook: HeldOutHook, seed: int) -> dict[str, Any]:
    """Write results.json, matches.png and loss.png to the work directory."""
    folder = Path(runner.work_dir)
    results = dict(
        seed=seed, before=summary(hook.before), after=summary(hook.after)
    )
    (folder / 'results.json').write_text(json.dumps(results, indent=2))
    recognised = (hook.before.recognised, hook.after.recognised)
    draw_before_after(*recognised).savefig(folder / 'matches.png')
    log = Path(runner.log_dir) / 'vis_data/scalars.json'
    curves = curves_of(read_log([log]), ('loss', 'loss_pos', 'loss_neg'))
    draw_log(curves, 'Pretraining loss').savefig(folder / 'loss.png')
    return results


def main(argv: Sequence[str] | None = None) -> None:
    """Set up, train, measure, draw, and say what to do next."""
    args = parse_args(argv)
    start = time.perf_counter()
    if note := unused_gpu(torch.cuda.is_available()):
        print(f'Note: {note}')
    print('[1/3] photographs and model', flush=True)
    with one_line_for(OSError, InputError):
        runner = build_runner(args)
    built = time.perf_counter()
    print(f'      {built - start:.0f} s', flush=True)
    print('[2/3] pretraining, measured before and after', flush=True)
    runner.train()
    trained = time.perf_counter()
    print(f'      {trained - built:.0f} s', flush=True)
    print('[3/3] pictures and results', flush=True)
    hook = next(h for h in runner.hooks if isinstance(h, HeldOutHook))
    results = save(runner, hook, args.seed)
    print(f'      {time.perf_counter() - trained:.0f} s', flush=True)
    show(results)
    print(
        f'\nlook at {args.work_dir}/matches.png and loss.png. The matches\n'
        'show at most that positions are known, not content: in '
        "docs/quickstart.md\nanother image's view matched as often"
    )
    print(NEXT)


if __name__ == '__main__':
    try:
        main()
    except KeyboardInterrupt:
        sys.exit('interrupted, nothing is kept: the same command starts anew')
