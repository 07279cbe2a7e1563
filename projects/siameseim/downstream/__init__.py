"""Adapters for mmdet and mmseg, registered in those that are installed."""

from ..engine.layer_decay import BackboneLayerDecay
from .dense_vit import SiameseIMDenseViT
from .multi_scale_vit import SiameseIMMultiScaleViT
from .registration import register_in_toolboxes
from .simple_pyramid import SiameseIMSimplePyramid
from .vitdet import SiameseIMViTDet

# The toolboxes know the plain adapter by the name it has in mmpretrain.
register_in_toolboxes(SiameseIMDenseViT, name='SiameseIMViT')
register_in_toolboxes(SiameseIMMultiScaleViT)
register_in_toolboxes(SiameseIMViTDet)
register_in_toolboxes(SiameseIMSimplePyramid)
register_in_toolboxes(BackboneLayerDecay, 'OPTIM_WRAPPER_CONSTRUCTORS')

__all__ = [
    'SiameseIMDenseViT',
    'SiameseIMMultiScaleViT',
    'SiameseIMSimplePyramid',
    'SiameseIMViTDet',
]
