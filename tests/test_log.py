"""Lines in the log have the level that their function says."""

import logging

from mmengine.logging import MMLogger

from siameseim.log import tell, warn


def test_what_is_told_is_information_and_what_is_warned_of_a_warning(caplog):
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    try:
        with caplog.at_level(logging.INFO, logger=logger.name):
            tell('read')
            warn('look')
    finally:
        logger.removeHandler(caplog.handler)
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [
        ('INFO', 'read'),
        ('WARNING', 'look'),
    ]
