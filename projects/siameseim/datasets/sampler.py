"""Order of the training images: reproducible, and resumable mid-epoch."""

from collections.abc import Iterator, Sized

import numpy as np
from mmengine.dist import get_dist_info, sync_random_seed
from mmpretrain.registry import DATA_SAMPLERS
from torch.utils.data import Sampler


@DATA_SAMPLERS.register_module()
class ResumableSampler(Sampler[int]):
    """Yields keys ``epoch * len(dataset) + index`` in a shuffled order.

    The order is a function of (seed, epoch) alone; rank r of R takes every
    R-th index of it, from the r-th on. After k batches on every rank the
    first ``k * R * batch_size`` indices have been used, for any R. The
    tail that does not divide by R is dropped, a different one each epoch.

    Args:
        dataset (Sized): The dataset.
        seed (int, optional): Seed of the order, the same on all ranks.
            Defaults to None: drawn at random by rank 0, so such a run
            cannot be resumed exactly.
    """

    def __init__(self, dataset: Sized, seed: int | None = None) -> None:
        self.rank, self.world_size = get_dist_info()
        self.dataset_size = len(dataset)
        self.num_samples = self.dataset_size // self.world_size
        self.seed = sync_random_seed() if seed is None else seed
        self.epoch = 0
        self.start = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch of the next iteration, counted from 0."""
        self.epoch = epoch

    def set_start(self, start: int) -> None:
        """Leave out the first samples of this rank, used before a resume.

        It holds for the next iteration only: the epochs after a resumed
        one are whole without further calls.

        Raises:
            ValueError: If this rank has not that many.
        """
        if not 0 <= start <= self.num_samples:
            raise ValueError(
                f'start must be from 0 to {self.num_samples}, the samples '
                f'a rank has in an epoch, not {start}'
            )
        self.start = start

    def __iter__(self) -> Iterator[int]:
        """Keys of this rank for the chosen epoch."""
        rng = np.random.default_rng((self.seed, self.epoch))
        order = rng.permutation(self.dataset_size)
        used = self.num_samples * self.world_size
        indices = order[self.rank : used : self.world_size][self.start :]
        self.start = 0
        return map(int, self.epoch * self.dataset_size + indices)

    def __len__(self) -> int:
        """Number of samples of this rank in a whole epoch."""
        return self.num_samples
