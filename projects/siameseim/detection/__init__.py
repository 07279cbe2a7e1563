"""What SiameseIM adds to mmdet, registered where that is installed."""

from ..transfer.toolboxes import importable

if importable('mmdet'):
    from . import (  # noqa: F401
        category_check,
        federated_loss,
        fp32_parts,
        image_counts,
        lvis_metric,
    )
