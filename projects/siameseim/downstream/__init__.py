"""Adapters for mmdet and mmseg.

They are registered in mmengine's registries, which the toolboxes ask for what
they do not know themselves.
"""

from .dense_vit import SiameseIMDenseViT, SiameseIMMultiScaleViT
from .simple_pyramid import SiameseIMSimplePyramid
from .vitdet import SiameseIMViTDet

__all__ = [
    'SiameseIMDenseViT',
    'SiameseIMMultiScaleViT',
    'SiameseIMSimplePyramid',
    'SiameseIMViTDet',
]
