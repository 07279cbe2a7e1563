"""The cores of a machine, shared by the processes on it."""

import os

import torch

from ..environment.hardware import usable_cores
from .variables import number

# Where a launcher says how many processes it started on this machine.
LOCAL_COUNTS = {
    'pytorch': 'LOCAL_WORLD_SIZE',
    'mpi': 'OMPI_COMM_WORLD_LOCAL_SIZE',
}


def cores_of_process(processes: int) -> int:
    """Cores for each of the ``processes`` on this machine, at least 1.

    Slurm binds a task to its own cores as a rule: nobody shares those.

    Raises:
        InputError: if SLURM_CPUS_PER_TASK holds no number.
    """
    cores, of_task = usable_cores(), 0
    # torchrun or mpirun: a task's cores are for all that it started
    if not set(LOCAL_COUNTS.values()) & os.environ.keys():
        of_task = number('SLURM_CPUS_PER_TASK', 0)
    return max(cores // processes, min(cores, of_task), 1)


def loading_workers(given: int | None, processes: int = 1) -> int:
    """Loading processes of a tool: as given, or one a core, 16 at most.

    The machine is shared by ``processes``, each with loading ones of its own.
    """
    return min(cores_of_process(processes), 16) if given is None else given


def share_cores(processes: int) -> None:
    """Compute with no more threads than this process has cores.

    torchrun sees to that itself. With srun and mpirun each of the
    ``processes`` on this machine would start a thread for each core that it
    sees, and mmengine's OMP_NUM_THREADS=1 comes when they have started.
    """
    if 'OMP_NUM_THREADS' not in os.environ:
        threads = min(cores_of_process(processes), torch.get_num_threads())
        torch.set_num_threads(threads)
        os.environ['OMP_NUM_THREADS'] = str(threads)
    # or mmengine warns, in each process, that it sets this one
    os.environ.setdefault('MKL_NUM_THREADS', os.environ['OMP_NUM_THREADS'])
