"""Processes of a run: how many there are, and how they meet."""

import argparse
import gc
import os
import re
import socket
import subprocess
import sys

import torch
import torch.distributed as dist
import torch.multiprocessing as multiprocessing
from mmengine.dist import init_dist

from ..errors import InputError
from .cores import LOCAL_COUNTS, share_cores
from .variables import number

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
# What each launcher's program sets, and where it says how many it started;
# the innermost first. Of Slurm the counts of the step: SLURM_NTASKS may be
# those of the job, of which a shell on a node is one process.
_PROGRAMS = {
    'pytorch': ('torchrun', 'TORCHELASTIC_RUN_ID', 'WORLD_SIZE'),
    'mpi': ('mpirun', 'OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_SIZE'),
    'slurm': ('srun', 'SLURM_STEP_ID', 'SLURM_STEP_NUM_TASKS'),
}


def add_launcher(parser: argparse.ArgumentParser) -> None:
    """Give a tool of several processes the option ``--launcher``."""
    parser.add_argument(
        '--launcher',
        choices=['none', *_VARIABLES],
        default='none',
        help='what started the processes; dist_train.sh and slurm_train.sh '
        'set it',
    )


def check_launcher(launcher: str | None) -> None:
    """Refuse to do the whole work in each of several processes.

    Args:
        launcher (str, optional): None for a tool that has no ``--launcher``.

    Raises:
        InputError: if several were started, but not to work together.
    """
    if launcher not in (None, 'none'):
        return
    for name, (program, mark, count) in _PROGRAMS.items():
        processes = number(count, 1) if mark in os.environ else 1
        if processes > 1:
            cure = f'add --launcher {name}, or start one'
            raise InputError(
                f'{program} started {processes} processes ({count}), each of '
                'which would do the whole work and write the same files: '
                + ('start one' if launcher is None else cure)
            )


def world_size(launcher: str) -> int:
    """Number of processes of the run.

    Args:
        launcher (str): 'none', 'pytorch' (torchrun), 'slurm' or 'mpi'.

    Raises:
        ValueError: if the process was not started by that launcher.
    """
    return 1 if launcher == 'none' else _rank_and_size(launcher)[2]


def local_world_size(launcher: str) -> int:
    """Number of processes that share this machine.

    Raises:
        ValueError: as ``world_size``, or if a launcher's variable holds no
            number.
    """
    if launcher == 'none':
        return 1
    if launcher == 'slurm':
        return _tasks_here()
    return number(LOCAL_COUNTS[launcher], world_size(launcher))


def init_cpu_group(launcher: str) -> None:
    """Say where the processes meet; without CUDA, start a gloo group there.

    mmengine starts groups itself, but first selects a CUDA device; it leaves
    a group alone that already exists, and the address in the environment.
    Each process computes with its share of the machine's cores.

    Raises:
        ValueError: as ``world_size``.
        InputError: if the processes cannot meet there.
    """
    if launcher == 'none':
        return
    rank, local_rank, size = _rank_and_size(launcher)
    _set_meeting_place(launcher, rank, local_rank)
    share_cores(local_world_size(launcher))
    if torch.cuda.is_available():
        return
    os.environ.update(
        RANK=str(rank), LOCAL_RANK=str(local_rank), WORLD_SIZE=str(size)
    )
    dist.init_process_group('gloo')


def init_group(launcher: str) -> None:
    """Start the process group of a tool that has no runner.

    Raises:
        ValueError: as ``init_cpu_group``.
    """
    init_cpu_group(launcher)
    if launcher != 'none' and torch.cuda.is_available():
        # else init_dist chooses 'spawn', and each loader worker imports anew
        if multiprocessing.get_start_method(allow_none=True) is None:
            multiprocessing.set_start_method('fork')
        init_dist(launcher, backend='nccl')


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


def _rank_and_size(launcher: str) -> tuple[int, int, int]:
    """Rank, rank on this machine, number of processes."""
    names = _VARIABLES[launcher]
    missing = [name for name in names if not os.environ.get(name, '').strip()]
    if missing:
        raise ValueError(
            f'--launcher {launcher} needs the environment variables '
            f'{", ".join(missing)}: start with tools/dist_train.sh (torchrun) '
            'or tools/slurm_train.sh, or use --launcher none'
        )
    rank, local_rank, size = (number(name, 0) for name in names)
    if not 0 <= rank < size:
        raise InputError(
            f'{names[0]}={rank} is no rank of {names[2]}={size} processes: '
            f'give each of them one from 0 to {size - 1}'
        )
    return rank, local_rank, size


def _tasks_here() -> int:
    """Slurm's tasks on this machine, from '8(x4)' or '8,7' for each."""
    layout = os.environ.get('SLURM_STEP_TASKS_PER_NODE') or os.environ.get(
        'SLURM_TASKS_PER_NODE'
    )
    if not layout:
        return world_size('slurm')
    counts: list[int] = []
    for count, times in re.findall(r'(\d+)(?:\(x(\d+)\))?', layout):
        counts += [int(count)] * int(times or 1)
    return counts[number('SLURM_NODEID', 0)]


def _set_meeting_place(launcher: str, rank: int, local_rank: int) -> None:
    """Complete MASTER_ADDR and MASTER_PORT, and see that they can be used."""
    alone = local_world_size(launcher) == world_size(launcher)
    if 'MASTER_ADDR' not in os.environ:
        os.environ['MASTER_ADDR'] = (
            '127.0.0.1' if alone else _first_machine(launcher)
        )
    os.environ.setdefault('MASTER_PORT', _default_port(launcher))
    address, port = os.environ['MASTER_ADDR'], os.environ['MASTER_PORT']
    # torchrun itself listens there, and lets our processes join
    if rank == 0 and 'TORCHELASTIC_USE_AGENT_STORE' not in os.environ:
        _check_port(port)
    if not alone and local_rank == 0:
        print(f'waiting for {address}:{port}', file=sys.stderr, flush=True)


def _first_machine(launcher: str) -> str:
    """Host name of the machine of rank 0, of which only Slurm knows."""
    why = ''
    if launcher == 'slurm':
        # those of the step, which may begin on another node than its job
        job = os.environ.get('SLURM_NODELIST', '')
        nodes = os.environ.get('SLURM_STEP_NODELIST', job)
        command = ['scontrol', 'show', 'hostname', nodes]
        try:
            return subprocess.check_output(command, text=True).split()[0]
        except (OSError, subprocess.CalledProcessError, IndexError) as error:
            why = f' (scontrol does not tell that of {nodes!r}: {error})'
    raise InputError(
        f'--launcher {launcher} on several machines needs MASTER_ADDR: set it '
        f'to the host name of the first{why}'
    )


def _default_port(launcher: str) -> str:
    """PyTorch's, or one for each Slurm job, as jobs share machines."""
    job = number('SLURM_JOB_ID', 0) if launcher == 'slurm' else 0
    if not job:
        return '29500'
    return str(10000 + job % 20000)  # Linux hands out those from 32768


def _check_port(port: str) -> None:
    """Refuse a port on which this machine cannot listen."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(('', int(port)))
        except (OSError, OverflowError, ValueError) as error:
            raise InputError(
                f'cannot listen on port {port} ({error}): set MASTER_PORT to '
                'a free one, the same for all processes'
            ) from error
