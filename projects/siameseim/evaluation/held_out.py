"""What a network makes of images it was not trained on."""

from dataclasses import dataclass
from typing import Any

import torch
from mmengine.dataset import default_collate
from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import DATASETS, HOOKS
from torch import Tensor

from ..datasets import PretrainDataset
from ..engine.unwrap import unwrapped
from ..models import SiameseIM
from ..models.norm import layer_norm_fp32
from .features import evaluating, mean_features
from .knn import accuracies, nearest_neighbours
from .matching import (
    Matches,
    MatchingScore,
    match_predictions,
    match_views,
    true_places,
)
from .predicted import PredictionScore, predict_view2, score_predictions


@dataclass(frozen=True)
class RecognisedViews:
    """Pairs of views, and what was found for the patches of view 1 in view 2.

    Shape legend: B pairs, L patches of a view, S its side in pixels.
    """

    views: Tensor  # (2, B, 3, S, S) uint8 RGB
    queries: Tensor  # (B, L) indices of view 1's patches asked for
    matches: Matches


@dataclass(frozen=True)
class HeldOutScore:
    """All measures of one network."""

    predicted: PredictionScore
    matched: MatchingScore  # by the backbone's features
    recognised: RecognisedViews  # by the predicted ones
    knn: float  # accuracy


def load_batch(cfg: dict) -> dict[str, Any]:
    """All samples of a ``PretrainDataset``, as in its epoch 0, in a batch.

    Returns:
        dict: ``inputs`` and ``data_samples`` as a model takes them, and
        ``labels`` (N,) int64 if the inner dataset has any.
    """
    dataset: PretrainDataset = DATASETS.build(cfg)
    batch = default_collate([dataset[i] for i in range(len(dataset))])
    infos = [dataset.dataset.get_data_info(i) for i in range(len(dataset))]
    if 'gt_label' in infos[0]:
        batch['labels'] = torch.tensor([info['gt_label'] for info in infos])
    return batch


def normalised(model: SiameseIM, batch: dict[str, Any]) -> list[Tensor]:
    """View 1 and view 2, (N, 3, S, S) each, as training gives them."""
    data = dict(inputs=list(batch['inputs']), data_samples=None)
    return model.data_preprocessor(data)['inputs']


def recognise_views(
    model: SiameseIM, batch: dict[str, Any]
) -> RecognisedViews:
    """Find, for each patch of view 2, the one that view 1 predicts for it.

    A query is the patch of view 1 nearest to where view 2's patch lies. The
    features are centred in each view, so that what they all share does not
    hide how they differ. Much of what is found this way follows from the
    crops' places alone; ``score_predictions`` tells the two apart.
    """
    samples = batch['data_samples']
    grid = model.backbone.patch_resolution
    view1, view2 = normalised(model, batch)
    with evaluating(model):
        prediction = predict_view2(model, view1, samples)
        target = layer_norm_fp32(model.target(view2)).cpu()
    prediction, target = (
        feature - feature.mean(dim=1, keepdim=True)
        for feature in (prediction, target)
    )
    places, _ = true_places(samples, grid, view=2)
    row, column = (
        places[..., i].round().long().clamp(0, grid[i] - 1) for i in (0, 1)
    )
    return RecognisedViews(
        views=torch.stack(batch['inputs']),
        queries=row * grid[1] + column,
        matches=match_predictions(prediction, target, samples, grid),
    )


def knn_accuracy(
    model: SiameseIM, bank: dict[str, Any], queries: dict[str, Any], k: int
) -> float:
    """Share of queries whose label the nearest pooled features vote for.

    Of view 1 of both batches, which are of ``load_batch``, with labels.
    """
    bank_rows, query_rows = (
        mean_features(model.backbone, normalised(model, batch)[0])
        for batch in (bank, queries)
    )
    found = nearest_neighbours(
        query_rows,
        bank_rows,
        bank['labels'],
        k,
        centre=bank_rows.mean(dim=0),
    )
    return accuracies(found, queries['labels'], [k])[k]


@HOOKS.register_module()
class HeldOutHook(Hook):
    """Score the untrained and the trained network on the same images.

    Attributes ``before`` and ``after`` hold the results. Draws no random
    number that training would draw.

    Args:
        pairs (dict): a ``PretrainDataset`` of held-out images whose pipeline
            makes the pairs of views to match.
        bank (dict): a ``PretrainDataset`` of labelled images whose pipeline
            makes the whole image view 1: the neighbours of k-NN.
        queries (dict): the same with the images to classify.
        k (int): neighbours that vote. Defaults to 20.
    """

    priority = 'VERY_LOW'

    def __init__(
        self, pairs: dict, bank: dict, queries: dict, k: int = 20
    ) -> None:
        self.pairs = pairs
        self.bank = bank
        self.queries = queries
        self.k = k

    @master_only
    def before_train(self, runner: Runner) -> None:
        """Load the images and score the untrained backbone."""
        self._batches = [
            load_batch(cfg) for cfg in (self.pairs, self.bank, self.queries)
        ]
        self.before = self._measure(runner, 'before training')

    @master_only
    def after_train(self, runner: Runner) -> None:
        """Score the trained backbone."""
        self.after = self._measure(runner, 'after training')

    def _measure(self, runner: Runner, when: str) -> HeldOutScore:
        model = unwrapped(runner.model)
        pairs, bank, queries = self._batches
        views, samples = normalised(model, pairs), pairs['data_samples']
        result = HeldOutScore(
            predicted=score_predictions(model, views, samples),
            matched=match_views(model.backbone, views, samples).score(),
            recognised=recognise_views(model, pairs),
            knn=knn_accuracy(model, bank, queries, self.k),
        )
        score = result.predicted
        runner.logger.info(
            f'{when}: {score.image:.1%} of {score.count} predicted patches '
            f'find their true match among {round(1 / score.image_chance)} '
            f'images (chance {score.image_chance:.1%}), k-NN accuracy '
            f'{result.knn:.1%}'
        )
        return result
