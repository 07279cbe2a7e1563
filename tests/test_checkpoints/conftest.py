"""Runs of a toy model by the true runner."""

from tests.test_train.conftest import on_cpu  # noqa: F401  a fixture
from tests.toy_runs import log_text, stopped, toy_run  # noqa: F401  fixtures
