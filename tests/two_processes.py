"""Two processes on a CPU: of a function, or of a command."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from siameseim.launch.distributed import end_group

ROOT = Path(__file__).resolve().parents[1]


def run_in_two(function: Callable[..., Any], *args: Any) -> list[Any]:
    """Call ``function(rank, *args)`` in two ranks of a gloo group.

    Args:
        function (Callable): a module-level function; what it returns must be
            picklable by ``torch.save``.
        *args: passed on to it.

    Returns:
        list: what rank 0 and rank 1 returned.
    """
    _start_server()
    with tempfile.TemporaryDirectory() as folder:
        mp.start_processes(
            _worker,
            (folder, function, args),
            nprocs=2,
            start_method='forkserver',
        )
        return [
            torch.load(Path(folder) / str(rank), weights_only=True)
            for rank in range(2)
        ]


def _start_server() -> None:
    """Start the process that ranks are forked from, unless it runs.

    It has imported the package, which takes a fresh interpreter several
    seconds, and nothing else: no test has left a trace in it. A forked
    process cannot use CUDA, so there is none.
    """
    forkserver.set_forkserver_preload(['siameseim'])
    with mock.patch.dict(os.environ, CUDA_VISIBLE_DEVICES=''):
        forkserver.ensure_running()


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
    end_group()


def on_cpus(*command: Any, **kwargs: Any) -> subprocess.Popen:
    """Start a command of this checkout without CUDA, in its own group.

    Args:
        *command: words of the command; ``python`` is this one.
        **kwargs: as for ``subprocess.Popen``.
    """
    bin_folder = os.path.dirname(sys.executable)
    environment = {
        **os.environ,
        'PATH': f'{bin_folder}{os.pathsep}{os.environ["PATH"]}',
        'PYTHON': sys.executable,  # of the launch scripts
        'PYTHONPATH': str(ROOT / 'projects'),
        'OMP_NUM_THREADS': '1',
        'CUDA_VISIBLE_DEVICES': '',
    }
    return subprocess.Popen(
        [str(word) for word in command],
        env=environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        **kwargs,
    )


def finished(process: subprocess.Popen, timeout: float = 300) -> str:
    """What a command printed, once it has ended well."""
    output, _ = process.communicate(timeout=timeout)
    assert process.returncode == 0, output[-3000:]
    return output
