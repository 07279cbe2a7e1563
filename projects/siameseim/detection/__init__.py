"""What SiameseIM adds to mmdet, registered when that is first used."""

from ..transfer.toolboxes import register_when_used

register_when_used(
    'mmdet',
    f'{__name__}.category_check',
    f'{__name__}.federated_loss',
    f'{__name__}.fp32_parts',
    f'{__name__}.lvis_metric',
)
