"""Watches a run: whether its features collapse and what they are worth."""

from .feature_hook import FeatureWatchHook
from .judge import Limits, collapsed
from .knn_hook import KnnHook
from .probe_hook import OnlineProbeHook
from .signs import (
    FeatureSigns,
    effective_rank,
    feature_signs,
    mean_cosine,
    normalised_std,
)
from .validation_hook import ValidationHook

__all__ = [
    'FeatureSigns',
    'FeatureWatchHook',
    'KnnHook',
    'Limits',
    'OnlineProbeHook',
    'ValidationHook',
    'collapsed',
    'effective_rank',
    'feature_signs',
    'mean_cosine',
    'normalised_std',
]
