"""Everything that ``tools/benchmark.py`` measures of one setting."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.config import Config

from ..datasets.data_source import data_source
from ..engine.devices import datasheet_tflops, device_name
from ..engine.precision import use_bf16
from ..errors import InputError
from . import data as data_side
from .contenders import contender, first_step, prepared, settle
from .kernels import kernel_times
from .memory import static_memory, step_memory
from .phases import step_phases
from .step import StepBenchmark
from .timing import (
    MATMUL_SIZE,
    Spread,
    in_turn,
    matmul,
    peak_memory,
    ratio,
    spread,
)


@dataclass(frozen=True)
class Settings:
    """What to measure, beside the config; see ``tools/benchmark.py``."""

    batch_size: int = 16
    steps: int = 5
    device: str = 'cpu'
    compiled: bool | str = False  # as for StepBenchmark.compile
    split: bool = False
    kernels: bool = False
    against: Sequence[str] = ()
    data: str | None = None
    workers: int = 0
    peak_tflops: float | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be measured, before anything is.

        Raises:
            InputError: naming the option of the command line.
        """
        for option in ('batch_size', 'steps'):
            if getattr(self, option) < 1:
                name = option.replace('_', '-')
                raise InputError(
                    f'--{name} {getattr(self, option)}: give a number from 1 '
                    'on'
                )
        kind = torch.device(self.device).type
        if kind == 'cuda' and not torch.cuda.is_available():
            raise InputError(
                f'--device {self.device}: torch can use no GPU here '
                '(`python tools/doctor.py` says why)'
            )
        if self.split and self.compiled == 'graph':
            raise InputError(
                '--compile graph replays the step as a whole: for its parts, '
                '--split, give --compile without it'
            )
        if self.data and 'plain' in self.against:
            kind = data_source(self.data)['type']
            if kind != 'ImageFolder':
                raise InputError(
                    f'--data {self.data} ({kind}): the plain pipeline reads '
                    'files alone, so give a folder of images, or leave '
                    '--against plain out'
                )


def measure(cfg: Config, settings: Settings) -> dict[str, Any]:
    """Measure a config's training step and what it is compared with.

    Returns:
        dict: names to numbers, texts, or spreads (median, lowest, highest);
        'steps', 'parts_of_a_step' and 'kernels_of_a_step' hold such dicts.
    """
    device = settings.device
    bf16 = use_bf16(cfg.optim_wrapper.precision, torch.device(device).type)
    start = time.perf_counter()
    step = StepBenchmark(cfg, settings.batch_size, device)
    built = time.perf_counter() - start
    others = [contender(name, cfg, step) for name in settings.against]
    flops = {'ours': step.flops()}
    start = time.perf_counter()
    step.compile(settings.compiled)
    step.run()
    to_first_step = built + time.perf_counter() - start
    for other in others:  # also their first step
        flops[other.name] = first_step(other, flops['ours'])
    step.run()
    contenders = [step, *others]
    times, rates = _rounds(contenders, settings, bf16)
    settle(step)  # whose parts are measured below
    result: dict[str, Any] = dict(
        **_circumstances(settings, bf16),
        seconds_to_first_step=to_first_step,
        matmul_tflops=spread([rate / 1e12 for rate in rates]),
    )
    result['steps'] = {
        each.name: describe(
            each, times[each.name], rates, flops[each.name], device
        )
        for each in contenders
    }
    _add_ratios(result, times)
    if settings.data:
        result['data'] = data_side.data_rates(
            cfg,
            settings.data,
            'plain' in settings.against,
            settings.batch_size,
            settings.workers,
        )
    if settings.split:
        result['parts_of_a_step'] = _parts(cfg, settings, step)
    if settings.kernels:
        result['kernels_of_a_step'] = kernel_times(step.run, device)
    result['peak_memory_of_process_gib'] = peak_memory(device) / 2**30
    return result


def _circumstances(settings: Settings, bf16: bool) -> dict[str, Any]:
    """On what and how the steps run, and the stated peak of that."""
    device = device_name(settings.device)
    stated = datasheet_tflops(device) if bf16 else None
    return dict(
        device=device,
        precision='bf16' if bf16 else 'fp32',
        compiled=settings.compiled,
        batch_size=settings.batch_size,
        datasheet_tflops=settings.peak_tflops or stated,
    )


def _rounds(
    contenders: list[Any], settings: Settings, bf16: bool
) -> tuple[dict[str, list[float]], list[float]]:
    """Seconds of each one's steps, and FLOP/s of a large matrix product."""
    size = MATMUL_SIZE[torch.device(settings.device).type]
    dtype = torch.bfloat16 if bf16 else torch.float32
    products, flop = matmul(settings.device, dtype, size)
    runs = {each.name: each.run for each in contenders}
    times = in_turn(
        {'matmul': products, **runs},
        settings.device,
        settings.steps,
        prepared(contenders),
    )
    rates = [flop / each for each in times.pop('matmul')]
    return times, rates


def _add_ratios(result: dict[str, Any], times: dict[str, list[float]]) -> None:
    """Shares of the stated peak, and ours over each of the others."""
    stated = result['datasheet_tflops']
    for name, numbers in result['steps'].items():
        if stated:
            numbers['share_of_datasheet'] = numbers['tflops'] / stated
        if name != 'ours':
            numbers['ours_is_faster_by'] = ratio(times[name], times['ours'])


def describe(
    step: Any, times: list[float], rates: list[float], flops: int, device: str
) -> dict[str, Any]:
    """Numbers of one contender, memory included."""
    seconds = spread(times)
    gib, per_image = 2**30, 2**20 * step.batch_size
    return dict(
        seconds_per_step=seconds,
        images_per_second=spread([step.batch_size / each for each in times]),
        gflop_per_image=flops / step.batch_size / 1e9,
        tflops=flops / seconds.median / 1e12,
        share_of_matmul=ratio([flops / each for each in times], rates),
        weights_and_moments_gib=static_memory(step.model, step.optimizer)
        / gib,
        step_memory_mib_per_image=step_memory(step.run, device) / per_image
        if getattr(step, 'shows_memory', True)
        else None,
    )


def _parts(
    cfg: Config, settings: Settings, step: StepBenchmark
) -> dict[str, Spread]:
    """Seconds of each part of a step, with a data loader if there is data."""
    next_batch = None
    if settings.data:
        loader = data_side.endless_loader(
            data_side.two_view_dataset(cfg, settings.data),
            settings.batch_size,
            settings.workers,
        )
        next_batch = data_side.batches(loader)
        next_batch()  # starts the workers
    return step_phases(step, settings.steps, next_batch)
