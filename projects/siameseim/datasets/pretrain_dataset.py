"""Turns any stock dataset into one of reproducible two-view samples."""

import logging
import multiprocessing
from collections.abc import Callable, Iterator, Sequence, Sized
from multiprocessing.context import get_spawning_popen
from typing import Any

import numpy as np
import torch
from mmengine.dataset import Compose
from mmengine.device import get_device
from mmengine.dist import all_reduce, get_rank, get_world_size
from mmengine.logging import print_log
from mmpretrain.registry import DATASETS, TRANSFORMS

from ..errors import InputError
from .bit_depth import warn_of_low_bits
from .decoded_cache import DecodedCache, DecodedSource
from .image_folder import printable
from .source_image import SourceImage, UnreadableImageError

# So many damaged files in a row are a damaged data set or a lost disk.
MAX_UNREADABLE_IN_A_ROW = 100


def images_and_repeats(dataset: Sized) -> tuple[int, int]:
    """Different images of a data set, and how often each comes an epoch.

    Args:
        dataset (Sized): a ``PretrainDataset``, or any other, without repeats.
    """
    repeats = getattr(dataset, 'repeats', 1)
    return len(dataset) // repeats, repeats


@DATASETS.register_module()
class PretrainDataset:
    """Loads images of a stock dataset and runs the two-view pipeline.

    An item is asked for by the key ``epoch * len(self) + index``, as
    :class:`ResumableSampler` yields. All random numbers of the item come
    from one generator, made from (seed, epoch, index): they do not depend
    on the worker, the rank, or on where a run was interrupted. With a
    sampler that yields plain indices every epoch would be epoch 0, which is
    also what iteration and negative keys give.

    A file that cannot be read is replaced by the next one that can, under
    the same random numbers. It is named once in a warning and counted in
    ``num_unreadable``, whichever worker process met it. Training processes
    tell each other with ``share_unreadable``, after each epoch.

    Args:
        dataset (dict | BaseDataset): Any dataset of mmengine whose data info
            has ``img_path`` or ``img``. Its own pipeline is not used.
        pipeline (Sequence[dict | Callable]): Transforms. The first gets a
            dict with ``source`` (:class:`SourceImage`), ``rng``
            (``numpy.random.Generator``), ``sample_idx`` (int) and all that
            the data info holds: paths, labels, boxes.
        seed (int): Seed of all random numbers. Defaults to 0.
        cache (bool): Keep all images decoded in memory that the workers of
            this rank share, for small data sets: 3 bytes a pixel. JPEGs
            much larger than the views are then no longer decoded at a
            fraction of their size, so their views differ by a rounding.
            Defaults to False.
        repeats (int): Times that every image comes in an epoch, with other
            views each time and at any places of the order. At the end of an
            epoch the workers have nothing to prepare, which costs a small
            data set much of a GPU's time.
            Defaults to 1.

    Raises:
        InputError: If ``dataset`` is none of mmengine's.
        ValueError: If ``repeats`` is no whole number from 1 on.
    """

    def __init__(
        self,
        dataset: Any,
        pipeline: Sequence[dict | Callable],
        seed: int = 0,
        cache: bool = False,
        repeats: int = 1,
    ) -> None:
        if not isinstance(repeats, int) or repeats < 1:
            raise ValueError(
                'train_dataloader.dataset.repeats must be a whole number from '
                f'1 on, not {repeats!r}'
            )
        if isinstance(dataset, dict):
            dataset = DATASETS.build(dataset)
        if not hasattr(dataset, 'get_data_info'):
            raise InputError(
                'dataset must be a config or a dataset of mmengine, not a '
                f'{type(dataset).__name__}: ImageFolder(data_root=FOLDER), or '
                'for images in memory a BaseDataset whose load_data_list '
                'returns [dict(img=array), ...]'
            )
        dataset.full_init()
        warn_of_low_bits(dataset)
        self.dataset = dataset
        self.pipeline = Compose(
            [
                TRANSFORMS.build(step) if isinstance(step, dict) else step
                for step in pipeline
            ]
        )
        self.seed = seed
        self.repeats = repeats
        # One flag a file, in memory that worker processes share, so that
        # the main process can tell how many different files failed.
        self._unreadable = torch.zeros(len(dataset), dtype=torch.bool)
        self._cache = DecodedCache(self._sizes()) if cache else None
        self._share()

    def _share(self) -> None:
        """Let worker processes share what they learn of the images."""
        self._unreadable.share_memory_()
        if self._cache is not None:
            self._cache.share()
        # Two workers may meet a file at the same moment. A lock of this kind
        # works for forked and for spawned workers.
        self._one_at_a_time = multiprocessing.get_context('spawn').Lock()

    def __getstate__(self) -> dict[str, Any]:
        """A copy or file takes no lock along, a spawned worker does."""
        state = {**vars(self)}
        if get_spawning_popen() is None:
            del state['_one_at_a_time']
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy has a lock of its own."""
        vars(self).update(state)
        if '_one_at_a_time' not in state:
            self._share()

    @property
    def metainfo(self) -> dict:
        """Meta information of the inner dataset."""
        return self.dataset.metainfo

    @property
    def num_unreadable(self) -> int:
        """How many different files are known to be unreadable."""
        return int(self._unreadable.sum())

    def share_unreadable(self) -> None:
        """Let every process know, and not name again, what any has met."""
        if get_world_size() == 1:
            return
        flags = self._unreadable.to(get_device(), torch.uint8)
        all_reduce(flags, op='max')
        self._unreadable.copy_(flags)

    def __len__(self) -> int:
        """Samples of an epoch, readable or not."""
        return self.repeats * len(self.dataset)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """All samples of epoch 0; keys alone would go on for ever."""
        return map(self.__getitem__, range(len(self)))

    def __getitem__(self, key: int) -> dict[str, Any]:
        """Load one image and run the pipeline on it.

        Raises:
            IndexError: For negative keys before the first sample.
            InputError: If too many files in a row cannot be read, or a step
                of the pipeline returns nothing.
        """
        epoch, index = divmod(int(key), len(self))
        if epoch < -1:
            raise IndexError(f'{key} is before the first of {len(self)}')
        epoch = max(epoch, 0)
        images = len(self.dataset)
        for step in range(min(MAX_UNREADABLE_IN_A_ROW, images)):
            candidate = (index + step) % images
            rng = np.random.default_rng((self.seed, epoch, index))
            try:
                info = self.dataset.get_data_info(candidate)
                source = self._open(candidate, info)
                own = dict(source=source, rng=rng, sample_idx=candidate)
                packed = self.pipeline({**info, **own})
            except UnreadableImageError as error:
                self._report(candidate, error)
                continue
            if packed is None:
                raise InputError(
                    'a step of the pipeline returned nothing: each transform '
                    'must return the results'
                )
            return packed
        raise InputError(
            f'{step + 1} images in a row cannot be read, the last one is '
            f'{self._name(candidate)}. Check that its folder is '
            'still there and holds intact image files.'
        )

    def _open(
        self, index: int, info: dict[str, Any]
    ) -> SourceImage | DecodedSource:
        """The image, decoded or not yet."""
        if self._cache is None:
            return SourceImage.from_data_info(info)
        return self._cache.open(index, info)

    def _name(self, index: int) -> str:
        """Path of an image, or its index if it has none."""
        info = self.dataset.get_data_info(index)
        return printable(str(info.get('img_path', index)))

    def _sizes(self) -> list[tuple[int, int]]:
        """Height and width of each image; all but JPEGs are decoded for it."""
        sizes = []
        for index in range(len(self.dataset)):
            try:
                info = self.dataset.get_data_info(index)
                source = SourceImage.from_data_info(info)
                sizes.append((source.height, source.width))
            except UnreadableImageError:
                sizes.append((0, 0))
        return sizes

    def _report(self, index: int, error: UnreadableImageError) -> None:
        """Count an unreadable file and name it, once."""
        with self._one_at_a_time:
            known = bool(self._unreadable[index])
            self._unreadable[index] = True
        if known:
            return
        # mmengine's console shows only errors of ranks other than 0.
        level = logging.WARNING if get_rank() == 0 else logging.ERROR
        print_log(
            f'skipped unreadable image {self._name(index)} '
            f'({error}); the next one is used in its place',
            logger='current',
            level=level,
        )
