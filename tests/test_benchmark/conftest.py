"""What the benchmark's tests share."""

import logging

import pytest
from mmengine.config import Config

from tests.transfer_fixtures import ROOT, tool

SMOKE = ROOT / 'configs/siameseim_smoke.py'


@pytest.fixture
def smoke():
    """The smallest config, in fp32."""
    cfg = Config.fromfile(SMOKE)
    cfg.optim_wrapper.precision = 'fp32'
    return cfg


@pytest.fixture(scope='session')
def benchmark():
    """tools/benchmark.py as a module."""
    return tool('benchmark')


@pytest.fixture(autouse=True)
def loggers_speak_again():
    """The tools silence them for their process, here that of all tests."""
    yield
    logging.disable(logging.NOTSET)
