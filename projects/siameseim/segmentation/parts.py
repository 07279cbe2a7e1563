"""Registers in mmseg what SiameseIM adds to it."""

from . import label_check, linear_head  # noqa: F401
