"""Silences stock code whose messages would only confuse."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.logging import MMLogger


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the current mmengine logger below ERROR."""
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def one_liners() -> Iterator[None]:
    """Silence messages of several lines, but for errors.

    Where no log file is open, ``init_weights`` of a stock model writes three
    lines for each of its tensors.
    """
    logger = MMLogger.get_current_instance()

    def short(record: logging.LogRecord) -> bool:
        return record.levelno >= logging.ERROR or (
            '\n' not in record.getMessage()
        )

    logger.addFilter(short)
    try:
        yield
    finally:
        logger.removeFilter(short)
