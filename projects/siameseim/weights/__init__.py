"""Checkpoints of other libraries, in and out, through one plain form."""

from .conversion import convert_checkpoint
from .formats import FORMATS
from .model import build_backbone, get_model
from .plain_vit import PlainViT
from .reading import Reading, read_vit
from .report import Report

__all__ = [
    'FORMATS',
    'PlainViT',
    'Reading',
    'Report',
    'build_backbone',
    'convert_checkpoint',
    'get_model',
    'read_vit',
]
