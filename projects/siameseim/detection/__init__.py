"""What SiameseIM adds to mmdet, registered when that is first used."""

from ..transfer.toolboxes import register_when_used

register_when_used('mmdet', f'{__name__}.parts')
