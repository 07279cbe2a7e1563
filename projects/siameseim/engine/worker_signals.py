"""Child processes that outlive the signal that ends a run."""

import os
import signal
import threading
from collections.abc import Callable
from multiprocessing import resource_tracker

from mmengine.registry import FUNCTIONS
from torch.utils.data import DataLoader

# That ask a run to save and to stop; Windows has no SIGUSR1.
STOP_SIGNALS = {
    getattr(signal, name)
    for name in ('SIGTERM', 'SIGINT', 'SIGUSR1')
    if hasattr(signal, name)
}

# Seconds between two times that a worker looks whether its parent is there.
_LOOK_EVERY = 5.0


@FUNCTIONS.register_module()
def leave_signals_to_trainer(
    worker_id: int, first: Callable[[int], None] | None = None
) -> None:
    """Let only the training process decide when a loader worker ends.

    torchrun and Slurm send SIGTERM, Slurm on demand SIGUSR1 to all processes
    of a job, and a terminal sends Ctrl-C to them. Workers that die of it take
    the training process along before it has saved. On a Mac SIGTERM is not
    ignored. For ``worker_init_fn`` of a data loader.

    Args:
        worker_id (int): number of the worker.
        first (Callable[[int], None], optional): another such function that
            is called before. Defaults to None.
    """
    if first is not None:
        first(worker_id)
    for number in STOP_SIGNALS - {signal.SIGTERM}:
        signal.signal(number, signal.SIG_IGN)
    if not hasattr(signal, 'sigtimedwait'):  # as on a Mac
        return
    # Blocked here and in all later threads, SIGTERM waits for the one below,
    # which unlike a handler learns who sent it.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    threading.Thread(
        target=_obey_parent, args=(os.getppid(),), daemon=True
    ).start()


def _obey_parent(parent: int) -> None:
    """End the process on a SIGTERM of its parent, or when that is gone.

    By itself a worker whose data nobody takes any more would wait for ever.
    """
    while os.getppid() == parent:
        told = signal.sigtimedwait({signal.SIGTERM}, _LOOK_EVERY)
        if told is not None and told.si_pid == parent:
            break
    os._exit(0)


def start_tracker() -> None:
    """Start the process that cleans up shared locks, deaf to SIGUSR1.

    By itself it ignores the other two. If it died, each process of a run that
    was stopped and saved would end in the traceback of its successor.
    """
    if not hasattr(signal, 'SIGUSR1'):
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR1})
    resource_tracker.ensure_running()  # it inherits what is blocked
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_workers(loader: DataLoader) -> None:
    """End the workers of a data loader that is no longer needed.

    At exit torch waits five seconds for each persistent worker of a loader
    with pinned memory before it ends it: a minute and more on a large machine,
    in which a time limit may pass.
    """
    iterator = getattr(loader, '_iterator', None)
    if iterator is not None:
        iterator._shutdown_workers()
        loader._iterator = None  # so that it can be used again
