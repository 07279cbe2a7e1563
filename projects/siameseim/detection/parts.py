"""Registers in mmdet what SiameseIM adds to it."""

from . import (  # noqa: F401
    category_check,
    federated_loss,
    fp32_parts,
    lvis_metric,
)
