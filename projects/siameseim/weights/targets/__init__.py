"""What each library's checkpoint of a ViT looks like: one file for each."""

from .huggingface import huggingface
from .openmmlab import (
    mmpretrain,
    mmpretrain_classifier,
    mmseg_mae,
    siameseim,
    siameseim_pretraining,
    vit_sam,
)
from .published import published, published_finetuned
from .target import Target, save
from .timm import timm
from .vitdet import detectron2, vitdet

__all__ = [
    'Target',
    'detectron2',
    'huggingface',
    'mmpretrain',
    'mmpretrain_classifier',
    'mmseg_mae',
    'published',
    'published_finetuned',
    'save',
    'siameseim',
    'siameseim_pretraining',
    'timm',
    'vit_sam',
    'vitdet',
]
