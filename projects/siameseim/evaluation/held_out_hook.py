"""Measures the network on held-out images before and after training."""

from mmengine.dist import master_only
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from ..engine.unwrap import unwrapped
from .held_out import (
    HeldOutScore,
    knn_accuracy,
    load_batch,
    match_views,
    predict_views,
    recognise_views,
)


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
        result = HeldOutScore(
            predicted=predict_views(model, pairs),
            matched=match_views(model, pairs),
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
