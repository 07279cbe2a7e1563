"""SiameseIM beside MAE, MoCo v3 and its own ablations, at one budget."""

from .cost import first_batch, gflops_per_image, interleaved_seconds
from .curve_hook import FrozenCurveHook
from .frozen_scores import image_size
from .identity import config_digests, data_digest, keep_identity
from .pictures import draw_comparison
from .table import markdown, read_results, summarise

__all__ = [
    'FrozenCurveHook',
    'config_digests',
    'data_digest',
    'draw_comparison',
    'first_batch',
    'gflops_per_image',
    'image_size',
    'interleaved_seconds',
    'keep_identity',
    'markdown',
    'read_results',
    'summarise',
]
