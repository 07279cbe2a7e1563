"""Checkpoints of any known layout: their names, and loading a backbone.

The models import this, so that nothing in here may import them; what needs
models lies in ``weights``.
"""

from .backbone_file import BackboneFile, read_backbone
from .load_backbone import load_pretrained
from .published import convert_published, published_to_ours
from .safe_load import load_file
from .vitdet import convert_vitdet

__all__ = [
    'BackboneFile',
    'convert_published',
    'convert_vitdet',
    'load_file',
    'load_pretrained',
    'published_to_ours',
    'read_backbone',
]
