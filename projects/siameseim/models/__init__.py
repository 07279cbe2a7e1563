"""Algorithm, backbone, neck, head and their parts."""

from .head import SiameseIMHead
from .neck import SiameseIMNeck
from .norm import TokenBN
from .siameseim import SiameseIM
from .target import MomentumTarget
from .vit import SiameseIMViT

__all__ = [
    'MomentumTarget',
    'SiameseIM',
    'SiameseIMHead',
    'SiameseIMNeck',
    'SiameseIMViT',
    'TokenBN',
]
