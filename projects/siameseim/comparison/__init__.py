"""SiameseIM beside MAE, MoCo v3 and its own ablations, at one budget."""

from .cost import first_batch, gflops_per_image, interleaved_seconds
from .curve_hook import FrozenCurveHook
from .frozen_scores import frozen_scores, plain_vit
from .pictures import draw_comparison
from .table import Summary, markdown, read_results, summarise

__all__ = [
    'FrozenCurveHook',
    'Summary',
    'draw_comparison',
    'first_batch',
    'frozen_scores',
    'gflops_per_image',
    'interleaved_seconds',
    'markdown',
    'plain_vit',
    'read_results',
    'summarise',
]
