"""Writes a file while training goes on."""

import logging
from collections.abc import Callable
from threading import Thread

from mmengine.fileio import LocalBackend, register_backend
from mmengine.logging import print_log


class BackgroundWriter:
    """Lets a thread write, one thing after another.

    A process that ends without ``finish`` ends once all is written.
    """

    def __init__(self) -> None:
        self._thread: Thread | None = None
        self._error: Exception | None = None

    def start(self, write: Callable[[], object]) -> None:
        """Begin to write, once all before is written; raises as ``finish``.

        Also if that failed: what made it fail may have passed.
        """
        try:
            self.finish()
        finally:
            self._thread = Thread(target=self._run, args=(write,))
            self._thread.start()

    def finish(self) -> None:
        """Wait until all is written.

        Raises:
            Exception: with which writing failed, once.
        """
        if self._thread is not None:
            self._thread.join()
        self._thread = None
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self, write: Callable[[], object]) -> None:
        try:
            write()
        except Exception as error:
            self._error = error
            print_log(f'not saved: {error}', 'current', logging.ERROR)


@register_backend('held')
class HeldBackend(LocalBackend):
    """Writes nothing, but keeps the content of files in a list.

    Args:
        files (list): to which it is added.
    """

    def __init__(self, files: list[bytes]) -> None:
        self._files = files

    def put(self, obj: bytes, filepath: object) -> None:
        """Keep ``obj``."""
        self._files.append(obj)
