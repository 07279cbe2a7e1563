"""Which messages pass."""

import contextlib
import logging

from mmengine.logging import MMLogger

from siameseim.engine.quiet import one_liners, quiet


def test_long_messages_wait_until_the_end_but_errors_do_not():
    logger = MMLogger.get_instance('one_liners')
    seen = []
    handler = logging.Handler()
    handler.emit = lambda record: seen.append(record.getMessage())
    logger.addHandler(handler)
    with one_liners():
        logger.info('short')
        logger.info('a\nb')
        logger.error('c\nd')
    logger.info('e\nf')
    assert seen == ['short', 'c\nd', 'e\nf']


def test_it_is_quiet_for_a_while_only_also_after_an_error():
    logger = MMLogger.get_current_instance()
    level = logger.level
    with contextlib.suppress(ValueError), quiet():
        assert not logger.isEnabledFor(logging.WARNING)
        assert logger.isEnabledFor(logging.ERROR)
        raise ValueError
    assert logger.level == level
