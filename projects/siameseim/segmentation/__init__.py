"""What SiameseIM adds to mmseg, registered where that is installed."""

from ..transfer.toolboxes import importable

if importable('mmseg'):
    from . import label_check, linear_head  # noqa: F401
