"""Measures of what a backbone learned."""

from .corruptions import Corrupt, mean_corruption_error
from .features import mean_features, patch_features, pooled
from .held_out import (
    HeldOutHook,
    HeldOutScore,
    MatchedViews,
    knn_accuracy,
    load_batch,
    match_views,
    recognise_views,
)
from .knn import accuracies, nearest_neighbours, vote
from .matching import (
    MatchingScore,
    matching_score,
    nearest_patches,
    true_places,
    within_radius,
)
from .predicted import PredictionScore, score_predictions

__all__ = [
    'Corrupt',
    'HeldOutHook',
    'HeldOutScore',
    'MatchedViews',
    'MatchingScore',
    'PredictionScore',
    'accuracies',
    'knn_accuracy',
    'load_batch',
    'match_views',
    'matching_score',
    'mean_corruption_error',
    'mean_features',
    'nearest_neighbours',
    'nearest_patches',
    'patch_features',
    'pooled',
    'recognise_views',
    'score_predictions',
    'true_places',
    'vote',
    'within_radius',
]
