"""Time training steps of a config and compare them with matrix products.

Usage: python tools/benchmark.py CONFIG [--batch-size 16] [--steps 5]
           [--watching]

Steps and matrix products are measured in turn, in one process, so that a
noisy machine disturbs both alike; the share of the peak is their ratio.
"""

import argparse
import json
import logging
from pathlib import Path

import torch
from mmengine.config import Config, DictAction

from siameseim.benchmark.step import StepBenchmark
from siameseim.benchmark.timing import (
    matmul_rate,
    peak_memory,
    seconds,
    spread,
)
from siameseim.benchmark.watching import watching_cost

_MATMUL_SIZE = {'cpu': 4096, 'cuda': 8192}


def parse_args() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('config', help='a pretraining config')
    parser.add_argument('--batch-size', type=int, default=16)
    parser.add_argument('--steps', type=int, default=5, help='timed steps')
    parser.add_argument(
        '--device', default='cuda' if torch.cuda.is_available() else 'cpu'
    )
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={}
    )
    parser.add_argument(
        '--watching',
        action='store_true',
        help='time the hooks that watch a run instead',
    )
    parser.add_argument('--json', type=Path, help='write the result here')
    return parser.parse_args()


def main() -> None:
    """Warm up, measure, print."""
    args = parse_args()
    logging.disable(logging.INFO)  # the list of parameter groups
    cfg = Config.fromfile(args.config)
    cfg.merge_from_dict(args.cfg_options)
    if args.watching:
        cost = watching_cost(cfg, args.batch_size, args.device, args.steps)
        for name, value in cost.items():
            print(
                f'{name:22} '
                + (f'{value:.3%}' if 'share' in name else f'{value:.5f} s')
            )
        return
    step = StepBenchmark(cfg, args.batch_size, args.device)
    flops = step.flops()  # also the first warm-up
    step.run()
    times, rates = [], []
    size = _MATMUL_SIZE[args.device]
    for _ in range(args.steps):
        rates.append(matmul_rate(args.device, torch.bfloat16, size))
        times.append(seconds(step.run, args.device))
    share = [
        flops / time / rate for time, rate in zip(times, rates, strict=True)
    ]
    time = spread(times)
    result = dict(
        config=args.config,
        device=args.device,
        threads=torch.get_num_threads(),
        torch=torch.__version__,
        batch_size=args.batch_size,
        seconds_per_step=time,
        images_per_second=args.batch_size / time.median,
        gflop_per_image=flops / args.batch_size / 1e9,
        tflops=flops / time.median / 1e12,
        bf16_matmul_tflops=[rate / 1e12 for rate in spread(rates)],
        share_of_matmul_peak=spread(share),
        peak_memory_gib=peak_memory(args.device) / 2**30,
    )
    for name, value in result.items():
        print(f'{name:22} {_short(value)}')
    if args.json:
        args.json.write_text(json.dumps(result, indent=2) + '\n')


def _short(value: object) -> str:
    if isinstance(value, tuple | list):
        median, low, high = value
        return f'{median:.3f}  ({low:.3f} to {high:.3f})'
    return f'{value:.2f}' if isinstance(value, float) else str(value)


if __name__ == '__main__':
    main()
