"""Predict steps on 1 to 512 GPUs from a config and stated hardware rates.

Usage: python tools/scaling.py CONFIG [--global-batch 4096] [--set RATE=VALUE]

The assumptions are the fields of `Cluster` in siameseim/benchmark/scaling.py;
docs/performance.md says where the defaults are from.
"""

import logging
import math
from typing import Any

import brief_waits
from siameseim.benchmark.scaling import Cluster, Work, step_model
from siameseim.benchmark.step import StepBenchmark
from siameseim.errors import InputError
from siameseim.launch.options import command_line
from siameseim.launch.tool_errors import one_line_for
from siameseim.models.norm import TokenBN

from mmengine.config import Config
from torch import nn

# H100 SXM, 8 a machine, one 400 Gbit/s link a GPU; 80 % of stated rates, and
# two figures of a ViT-B step of 128 images that was measured on one: the speed
# of what is neither optimizer nor EMA, and the time in which it was issued.
H100 = Cluster(
    flops=338e12,
    memory_bandwidth=0.8 * 3.35e12,
    fast_link=0.8 * 450e9,
    slow_link=0.8 * 50e9,
    latency=20e-6,
    gpus_a_machine=8,
    overlap=0.9,
    cores_per_gpu=16,
    samples_per_core=300,
    host=0.06,
)
_GPUS = (1, 8, 16, 32, 64, 128, 256, 512)


def work_of(cfg: Config) -> Work:
    """Count products and weights of a config; the batch is set later."""
    step = StepBenchmark(cfg, 1, 'cpu')
    model = step.model

    def norms(part: nn.Module) -> int:
        return sum(isinstance(module, TokenBN) for module in part.modules())

    return Work(
        flop_per_image=step.flops(),
        trained=sum(p.numel() for p in model.parameters() if p.requires_grad),
        averaged=sum(p.numel() for p in model.target.parameters()),
        batch=1,
        norms_forward=norms(model),
        norms_backward=norms(model.neck),
        decoder_width=model.neck.projector.embed.out_features,
    )


def rates_of(pairs: list[str]) -> dict[str, Any]:
    """Fields of ``Cluster`` from ``RATE=VALUE`` texts.

    Raises:
        InputError: for a name that is no field, or a value that is no
            positive number (``overlap`` may be 0).
    """
    rates: dict[str, Any] = {}
    for pair in pairs:
        name, _, value = pair.partition('=')
        try:
            rates[name] = float(value)
        except ValueError:
            rates[name] = math.nan
        lowest_is_fine = name == 'overlap' and rates[name] == 0
        positive = 0 < rates[name] < math.inf
        if name not in Cluster._fields or not (positive or lowest_is_fine):
            raise InputError(
                f'--set {pair}: write RATE=VALUE, such as overlap=0.5, with a '
                f'positive number and one of {", ".join(Cluster._fields)}'
            )
    return rates


@one_line_for(OSError, InputError)
def main(argv: list[str] | None = None) -> None:
    """Print a table, in milliseconds."""
    parser = command_line(__doc__)
    parser.add_argument('config', help='a pretraining config')
    parser.add_argument('--global-batch', type=int, default=4096)
    parser.add_argument(
        '--set', nargs='+', default=[], metavar='RATE=VALUE', help='of Cluster'
    )
    args = parser.parse_args(argv)
    logging.disable(logging.INFO)
    cluster = H100._replace(**rates_of(args.set))
    work = work_of(Config.fromfile(args.config))
    print(
        f'{work.flop_per_image / 1e9:.1f} GFLOP an image, '
        f'{work.trained / 1e6:.1f} M trained and {work.averaged / 1e6:.1f} M '
        'averaged weights; times in milliseconds\n\n'
        '| GPUs | Batch each | All-reduced, MB | Compute | Optimizer, EMA | '
        'Gradients left visible | BatchNorm, loss | Host | Data | Step | '
        'Bound by | Images/s | Efficiency |\n'
        f'{13 * "|---"}|'
    )
    for gpus in _GPUS:
        batch, rest = divmod(args.global_batch, gpus)
        if rest or not batch:
            continue
        step = step_model(work._replace(batch=batch), cluster, gpus)
        times = [
            f'{1e3 * seconds:.2f}'
            for seconds in (
                step.compute,
                step.optimizer,
                step.gradients,
                step.batch_norm + step.loss,
                step.host,
                step.data,
                step.step,
            )
        ]
        print(
            f'| {gpus} | {batch} | {step.all_reduced / 1e6:.0f} | '
            f'{" | ".join(times)} | {step.bound_by} | '
            f'{step.images_per_second:,.0f} | {step.efficiency:.0%} |'
        )


if __name__ == '__main__':
    main()
