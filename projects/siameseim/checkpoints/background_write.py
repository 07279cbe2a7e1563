"""Writes a file while training goes on."""

import logging
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait

from mmengine.fileio import LocalBackend, register_backend
from mmengine.logging import MMLogger


class BackgroundWriter:
    """Lets a thread write, one thing after another.

    A process that ends without ``finish`` ends once all is written.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._last: Future | None = None

    def start(self, write: Callable[[], object]) -> None:
        """Begin to write, once all before is written; raises as ``finish``.

        Also if that failed: what made it fail may have passed.
        """
        # looked up here: a part whose constructor failed earlier in this
        # process leaves mmengine's lock with this thread for ever
        logger = MMLogger.get_current_instance()
        future = self._thread.submit(_told, write, logger)
        before, self._last = self._last, future
        if before is not None:
            before.result()

    def finish(self) -> None:
        """Wait until all is written, also after a wait that was interrupted.

        Raises:
            Exception: with which writing failed, once.
        """
        if self._last is not None:
            wait([self._last])
            before, self._last = self._last, None
            before.result()


def _told(write: Callable[[], object], logger: logging.Logger) -> None:
    try:
        write()
    except Exception as error:
        logger.error(f'not saved: {error}')
        raise


@register_backend('held')
class HeldBackend(LocalBackend):
    """Writes nothing, but keeps the content of files in a list."""

    def __init__(self, files: list[bytes]) -> None:
        self._files = files

    def put(self, obj: bytes, filepath: object) -> None:
        """Keep ``obj``."""
        self._files.append(obj)
