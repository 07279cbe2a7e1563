"""These tests see no GPU, whatever the machine has."""

from tests.test_train.conftest import on_cpu  # noqa: F401  a fixture
