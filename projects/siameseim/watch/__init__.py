"""Watches a run: whether its features collapse and what they are worth."""

from .feature_hook import FeatureWatchHook
from .knn_hook import KnnHook
from .probe_hook import OnlineProbeHook
from .validation_hook import ValidationHook

__all__ = ['FeatureWatchHook', 'KnnHook', 'OnlineProbeHook', 'ValidationHook']
