"""What SiameseIM adds to mmseg, registered when that is first used."""

from ..transfer.toolboxes import register_when_used

register_when_used(
    'mmseg', f'{__name__}.label_check', f'{__name__}.linear_head'
)
