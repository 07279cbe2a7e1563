"""How many two-view samples a second the data side makes."""

import itertools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS
from torch.utils.data import DataLoader

from ..datasets import PretrainDataset
from ..launch.train_config import set_data
from .plain.data import PlainTwoViews
from .step import pipeline_step
from .timing import ratio, spread

Images = PretrainDataset | PlainTwoViews

_TURNS = 5
_TURN_SECONDS = 1.5
_LOADER_SECONDS = 5.0  # of a loader, at least one batch


class Rate(NamedTuple):
    """Calls or samples a second."""

    wall: float
    cpu: float  # a second that this process's threads computed


def data_rates(
    cfg: Config, data: str, plain: bool, batch_size: int, workers: int
) -> dict[str, Any]:
    """Samples a second: of one process, of a plain one, of a data loader.

    The first two take turns, with one thread, so that noise disturbs both.
    They are also given a second of CPU time: on an idle machine the same, on
    a busy one about what an idle one would make. What a loader's workers
    compute is not known.

    Args:
        cfg (Config): a pretraining config.
        data (str): what ``tools/train.py --data`` takes.
        plain (bool): measure the plain pipeline as well.
        batch_size (int): images a batch of the loader.
        workers (int): its worker processes; 0 leaves it out.

    Returns:
        dict: spreads and, of the loader, numbers; 'samples_over_plain' is
        formed turn by turn.
    """
    dataset = two_view_dataset(cfg, data)
    pipelines: dict[str, Images] = {'samples_per_second': dataset}
    if plain:
        pipelines['plain_samples_per_second'] = plain_dataset(cfg, dataset)
    rates = _in_turn(pipelines)
    result: dict[str, Any] = {}
    for name, each in rates.items():
        result[name] = spread([rate.wall for rate in each])
        by_cpu = name.replace('_second', '_cpu_second')
        result[by_cpu] = spread([rate.cpu for rate in each])
    if plain:
        walls = ([rate.wall for rate in each] for each in rates.values())
        result['samples_over_plain'] = ratio(*walls)
    if workers:
        loader = endless_loader(dataset, batch_size, workers)
        rate = loader_rate(loader)
        result['loader_samples_per_second'] = rate
        result['loader_samples_per_second_and_worker'] = rate / workers
    return result


def _in_turn(pipelines: dict[str, Images]) -> dict[str, list[Rate]]:
    """Samples a second of each pipeline, the first one last in odd turns."""
    rates: dict[str, list[Rate]] = {name: [] for name in pipelines}
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for turn in range(_TURNS):
            order = [*pipelines][:: -1 if turn % 2 else 1]
            for name in order:
                rate = samples_per_second(
                    pipelines[name], _TURN_SECONDS, 1000 * turn
                )
                rates[name].append(rate)
    finally:
        torch.set_num_threads(threads)
    return rates


def two_view_dataset(cfg: Config, data: str) -> PretrainDataset:
    """The config's data set on other data.

    Args:
        cfg (Config): a pretraining config.
        data (str): what ``tools/train.py --data`` takes.
    """
    cfg = Config(cfg.to_dict())
    set_data(cfg, data)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return DATASETS.build(cfg.train_dataloader.dataset)


def endless_loader(
    dataset: Images, batch_size: int, workers: int
) -> DataLoader:
    """A data loader that never ends, threads capped as in training.

    Args:
        dataset (Dataset): takes any number from 0 on as a key.
        batch_size (int): images a batch.
        workers (int): worker processes; 0 loads in this one.
    """
    cv2.setNumThreads(0)  # as env_cfg does for a run; torch caps its own
    return DataLoader(
        dataset,  # type: ignore[arg-type]
        batch_size,
        sampler=itertools.count(),
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
    )


def batches(loader: DataLoader) -> Callable[[], dict[str, Any]]:
    """A function that gives the next batch of an endless loader."""
    iterator = iter(loader)
    return lambda: next(iterator)


def samples_per_second(
    dataset: Images, seconds: float, first: int = 0
) -> Rate:
    """Samples that one process makes a second, after one to warm up.

    Args:
        dataset (Dataset): made of keys from 0 on.
        seconds (float): to measure, at least one sample.
        first (int): key to start with. Defaults to 0.
    """
    keys = itertools.count(first)
    return _calls_per_second(lambda: dataset[next(keys)], seconds)


def loader_rate(loader: DataLoader) -> float:
    """Samples a second of an endless loader, after its first batch."""
    batch_size = loader.batch_size or 1
    rate = _calls_per_second(batches(loader), _LOADER_SECONDS)
    return batch_size * rate.wall


def _calls_per_second(call: Callable[[], object], seconds: float) -> Rate:
    """How often a call is made, at least once, after one to warm up."""
    call()
    start, cpu_start, made = time.perf_counter(), time.process_time(), 0
    while made == 0 or time.perf_counter() - start < seconds:
        call()
        made += 1
    cpu = time.process_time() - cpu_start
    return Rate(made / (time.perf_counter() - start), made / cpu)


def plain_dataset(cfg: Config, dataset: PretrainDataset) -> PlainTwoViews:
    """The plain pipeline on the same files, for configs of square views."""
    inner = dataset.dataset
    paths = [inner.get_data_info(i)['img_path'] for i in range(len(inner))]
    size = pipeline_step(cfg, 'TwoViews').size
    mask = pipeline_step(cfg, 'BlockMask')
    return PlainTwoViews(paths, size, mask.grid, mask.num_masked)
