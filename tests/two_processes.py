"""Runs a function in two gloo processes, for tests of distributed code."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


def run_in_two(function: Callable[..., Any], *args: Any) -> list[Any]:
    """Call ``function(rank, *args)`` in two ranks of a gloo group.

    Args:
        function (Callable): a module-level function; what it returns must be
            picklable by ``torch.save``.
        *args: passed on to it.

    Returns:
        list: what rank 0 and rank 1 returned.
    """
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(_worker, (folder, function, args), nprocs=2)
        return [
            torch.load(Path(folder) / str(rank), weights_only=True)
            for rank in range(2)
        ]


def _worker(
    rank: int, folder: str, function: Callable[..., Any], args: tuple
) -> None:
    os.environ['GLOO_SOCKET_IFNAME'] = 'lo'
    torch.set_num_threads(1)
    dist.init_process_group(
        'gloo',
        init_method=f'file://{folder}/group',
        rank=rank,
        world_size=2,
    )
    torch.save(function(rank, *args), Path(folder) / str(rank))
    dist.destroy_process_group()
