"""One batch shared by several processes: strong scaling."""

import json
import os
import sys
import tempfile
from pathlib import Path

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.config import Config
from mmengine.registry import MODEL_WRAPPERS

from ..launch.distributed import end_group
from .step import StepBenchmark
from .timing import Spread, seconds, spread


def step_seconds_in_processes(
    cfg: Config, batch_size: int, device: str, steps: int, processes: int
) -> Spread:
    """Time of a step of DistributedDataParallel over one batch in all.

    On a CPU each process computes with one thread.

    Args:
        cfg (Config): a pretraining config.
        batch_size (int): images of all processes together.
        device (str): 'cpu' (gloo) or 'cuda' (NCCL, a device each).
        steps (int): timed steps.
        processes (int): on this machine, as ``check_processes`` takes them.
    """
    device = torch.device(device).type  # each process has its own
    with tempfile.TemporaryDirectory() as folder:
        share = batch_size // processes
        mp.spawn(
            _worker,
            (processes, folder, cfg.to_dict(), share, device, steps),
            nprocs=processes,
        )
        return spread(json.loads((Path(folder) / 'times').read_text()))


def check_processes(batch_size: int, device: str, processes: int) -> None:
    """Refuse what cannot be measured.

    Raises:
        ValueError: if the batch cannot be shared equally, or there are fewer
            GPUs than processes.
    """
    if batch_size % processes:
        raise ValueError(
            f'a batch of {batch_size} cannot be shared by {processes} '
            'processes: give a multiple with --batch-size'
        )
    cuda = torch.device(device).type == 'cuda'
    if cuda and processes > torch.cuda.device_count():
        raise ValueError(
            f'{processes} processes need as many GPUs, but there are '
            f'{torch.cuda.device_count()}: give fewer with --values'
        )


def _worker(
    rank: int,
    processes: int,
    folder: str,
    cfg: dict,
    batch_size: int,
    device: str,
    steps: int,
) -> None:
    if device == 'cuda':
        torch.cuda.set_device(rank)
    else:
        if sys.platform == 'linux':  # others call it otherwise
            os.environ.setdefault('GLOO_SOCKET_IFNAME', 'lo')
        torch.set_num_threads(1)
    dist.init_process_group(
        'nccl' if device == 'cuda' else 'gloo',
        store=dist.FileStore(f'{folder}/group', processes),
        rank=rank,
        world_size=processes,
    )
    times = _step_times(cfg, batch_size, device, steps)
    if rank == 0:
        (Path(folder) / 'times').write_text(json.dumps(times))
    end_group()


def _step_times(
    cfg: dict, batch_size: int, device: str, steps: int
) -> list[float]:
    """Seconds of each step, all processes beginning it together."""
    config = Config(cfg)
    step = StepBenchmark(config, batch_size, device)
    wrapped = MODEL_WRAPPERS.build(
        dict(config.model_wrapper_cfg, module=step.model)
    )

    def run() -> None:
        step.model.update_target(0.996)
        wrapped.train_step(step.batch, step.optim_wrapper)

    run()
    times = []
    for _ in range(steps):
        dist.barrier()
        times.append(seconds(run, device))
    return times
