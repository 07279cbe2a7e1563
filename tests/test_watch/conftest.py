"""The fixtures that start tools/train.py."""

from tests.test_train.conftest import (  # noqa: F401
    config,
    images,
    on_cpu,
    train,
)
