"""What the benchmark's tests share."""

import importlib.util
import logging
from pathlib import Path

import pytest
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[2]
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
    spec = importlib.util.spec_from_file_location(
        'benchmark_tool', ROOT / 'tools/benchmark.py'
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def loggers_speak_again():
    """The tools silence them for their process, here that of all tests."""
    yield
    logging.disable(logging.NOTSET)
