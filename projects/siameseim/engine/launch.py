"""Processes of a run: how many there are, and starting them on CPUs."""

import gc
import os

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from mmengine.dist import init_dist

# Where each launcher leaves rank, local rank and number of processes.
_VARIABLES = {
    'pytorch': ('RANK', 'LOCAL_RANK', 'WORLD_SIZE'),
    'slurm': ('SLURM_PROCID', 'SLURM_LOCALID', 'SLURM_NTASKS'),
    'mpi': (
        'OMPI_COMM_WORLD_RANK',
        'OMPI_COMM_WORLD_LOCAL_RANK',
        'OMPI_COMM_WORLD_SIZE',
    ),
}
_LOCAL_COUNTS = (
    'LOCAL_WORLD_SIZE',
    'OMPI_COMM_WORLD_LOCAL_SIZE',
    'SLURM_NTASKS_PER_NODE',
)


def world_size(launcher: str) -> int:
    """Number of processes of the run.

    Args:
        launcher (str): 'none', 'pytorch' (torchrun), 'slurm' or 'mpi'.

    Raises:
        ValueError: if the process was not started by that launcher.
    """
    return 1 if launcher == 'none' else _places(launcher)[2]


def local_world_size(launcher: str) -> int:
    """Number of processes that share this machine."""
    if launcher == 'none':
        return 1
    given = [os.environ[name] for name in _LOCAL_COUNTS if name in os.environ]
    return int(given[0]) if given else world_size(launcher)


def init_cpu_group(launcher: str) -> None:
    """Start a gloo process group where there is no CUDA.

    mmengine starts groups itself, but first selects a CUDA device; it leaves
    a group alone that already exists.

    Args:
        launcher (str): as for ``world_size``.
    """
    if launcher == 'none' or torch.cuda.is_available():
        return
    rank, local_rank, size = _places(launcher)
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(local_rank), WORLD_SIZE=str(size)
    )
    os.environ.setdefault('MASTER_ADDR', '127.0.0.1')
    os.environ.setdefault('MASTER_PORT', '29500')
    dist.init_process_group('gloo')


def init_group(launcher: str) -> None:
    """Start the process group of a tool that has no runner.

    Args:
        launcher (str): as for ``world_size``.

    Raises:
        ValueError: likewise.
    """
    world_size(launcher)  # says more than init_dist of missing variables
    if launcher != 'none' and torch.cuda.is_available():
        # else init_dist chooses 'spawn', and each loader worker imports anew
        if multiprocessing.get_start_method(allow_none=True) is None:
            multiprocessing.set_start_method('fork')
        init_dist(launcher, backend='nccl')
    init_cpu_group(launcher)


def end_group() -> None:
    """Leave the process group, if there is one, and end its threads.

    A gloo thread that still holds the tensors of the last collective needs
    Python to free them: in an interpreter that is shutting down it aborts
    the process after all work is done (pytorch pull request 179291). For
    processes that are done with each other; what holds the group, such as a
    runner with its model, must be out of use.
    """
    if dist.is_initialized():
        gc.collect()  # runners and wrapped models stand in cycles
        dist.destroy_process_group()


def _places(launcher: str) -> tuple[int, int, int]:
    """Rank, rank on this machine, number of processes."""
    names = _VARIABLES[launcher]
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise ValueError(
            f'--launcher {launcher} needs the environment variables '
            f'{", ".join(missing)}: start with tools/dist_train.sh (torchrun) '
            'or tools/slurm_train.sh, or use --launcher none'
        )
    rank, local_rank, size = (int(os.environ[name]) for name in names)
    return rank, local_rank, size
