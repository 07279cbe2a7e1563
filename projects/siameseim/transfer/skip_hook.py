"""Goes on with the data of an iteration without loading those before it."""

from collections.abc import Sequence
from itertools import islice
from typing import Any, cast

from mmengine.dataset import InfiniteSampler
from mmengine.hooks import Hook
from mmengine.runner import IterBasedTrainLoop, Runner
from mmengine.runner.loops import _InfiniteDataloaderIterator
from torch.utils.data import DataLoader


class SkipDataHook(Hook):
    """Spares a resumed training the data of its earlier iterations.

    mmengine's loop loads them all again to find its place, which takes hours
    late in a long training, and in another order where a config leaves the
    seed to chance. The sampler alone tells the place. The augmentations that
    follow are others than without the stop.
    """

    def before_train(self, runner: Runner) -> None:
        """Put the loader of a stock training at its place."""
        loop, loader = runner.train_loop, runner.train_dataloader
        stock = isinstance(loop, IterBasedTrainLoop) and isinstance(
            loader.sampler, InfiniteSampler
        )
        # batches of a sampler of their own are not so many images each
        if stock and loop.iter and loader.batch_size:
            own = runner.cfg.train_dataloader.sampler.get('seed')
            by_chance = runner._randomness_cfg.get('diff_rank_seed')
            if own is None and not by_chance:
                loader.sampler.seed = runner.seed  # of the checkpoint
            loop.dataloader_iterator = _Remaining(loader, loop.iter)


class _Remaining(_InfiniteDataloaderIterator):
    """Batches of a loader; the first ones, which are skipped, are empty."""

    def __init__(self, dataloader: DataLoader, skipped: int) -> None:
        sampler: Any = dataloader.sampler
        sampler.indices = sampler._indices_of_rank()  # from the beginning
        images = skipped * cast(int, dataloader.batch_size)
        next(islice(sampler.indices, images, images), None)
        super().__init__(dataloader)
        self._skipped = skipped

    def __next__(self) -> Sequence[dict]:
        if self._skipped:
            self._skipped -= 1
            return []
        return super().__next__()
