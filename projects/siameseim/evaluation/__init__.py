"""Measures of what a backbone learned."""

from .corruptions import Corrupt
from .extraction import folder_features
from .features import mean_features, patch_features
from .held_out import HeldOutHook, HeldOutScore
from .knn import accuracies, nearest_neighbours, vote
from .matching import match_views

__all__ = [
    'Corrupt',
    'HeldOutHook',
    'HeldOutScore',
    'accuracies',
    'folder_features',
    'match_views',
    'mean_features',
    'nearest_neighbours',
    'patch_features',
    'vote',
]
