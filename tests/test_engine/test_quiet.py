"""Which messages pass."""

import logging

from mmengine.logging import MMLogger

from siameseim.engine.quiet import one_liners


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
