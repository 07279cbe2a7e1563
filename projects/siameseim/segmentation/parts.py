"""Registers in mmseg what SiameseIM adds to it."""

from . import first_labels, label_check, linear_head  # noqa: F401
