"""How the process of a tool begins and ends."""

import atexit
import gc
from contextlib import suppress

# Enough for large batches of many workers.
_OPEN_FILES = 65_536


def begin_tool() -> None:
    """Let a tool open many files, and end at once.

    Each tensor that a loader's worker hands over is an open file, of which
    most systems allow 1,024 until a process asks for more: without, a large
    batch of single images waits for ever.

    A process that ends looks for cycles in half a million objects of the
    libraries, again and again: 2 s in which a time limit may pass. The system
    frees them all.
    """
    _allow_open_files()
    atexit.register(gc.freeze)


def _allow_open_files() -> None:
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return
    allowed, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(_OPEN_FILES, most) if most >= 0 else _OPEN_FILES
    if 0 <= allowed < wanted:  # a negative number is no limit
        with suppress(ValueError):  # macOS may grant fewer than it states
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
