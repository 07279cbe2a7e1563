"""Reading checkpoints of any known layout, and converting between them."""

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
