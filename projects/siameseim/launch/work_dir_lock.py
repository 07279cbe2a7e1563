"""One run at a time in a work directory."""

import os
import socket
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from mmengine.dist import is_main_process

from ..errors import InputError

LOCK_FILE = '.in_use'


def only_run_in(work_dir: str) -> AbstractContextManager:
    """Keep other runs out of a work directory until the end of a ``with``.

    They would replace each other's checkpoints. Of a process that is killed
    no lock is left, nor do its loader workers hold it; of a machine that went
    down a file server may keep one. Windows, file systems without locks and
    files of another user keep nobody out.

    Raises:
        InputError: in the main process, if another run trains there.
    """
    if not is_main_process():
        return nullcontext()
    path = Path(work_dir) / LOCK_FILE
    try:
        file = open(path, 'a+')  # noqa: SIM115  the caller closes it
    except PermissionError:  # of another user, whose run may have ended
        return nullcontext()
    try:
        import fcntl  # not on Windows

        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        with file:
            file.seek(0)
            holder = file.read()
        raise InputError(
            f'another run trains in {work_dir}: {holder}. Each would replace '
            "the other's checkpoints: give another --work-dir, or end that "
            f'one; if its machine went down, remove {path}'
        ) from error
    except (ModuleNotFoundError, OSError):  # no locks here
        pass
    file.truncate(0)
    file.write(f'process {os.getpid()} on {socket.gethostname()}')
    file.flush()
    return file  # which holds the lock while it is open
