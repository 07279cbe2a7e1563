"""Decoded images in memory that worker processes share."""

import os
import shutil
from typing import Any

import numpy as np
import torch

from .source_image import SourceImage

_SHARED = '/dev/shm'


class DecodedSource:
    """An image that is already pixels; else as :class:`SourceImage`.

    Args:
        pixels (np.ndarray): (H, W, 3) uint8 RGB, read-only by convention.
    """

    max_reduction = 1

    def __init__(self, pixels: np.ndarray) -> None:
        self._pixels = pixels
        self.height, self.width = pixels.shape[:2]

    def decode(self, reduction: int = 1) -> np.ndarray:
        """The pixels (H, W, 3); ``reduction`` is 1."""
        return self._pixels


class DecodedCache:
    """Keeps the pixels of each image from the first time it is decoded.

    All workers of one rank share it. Two that decode one image at the same
    time write the same bytes.

    Args:
        sizes (list[tuple[int, int]]): Height and width of each image in
            pixels; (0, 0) for one that is never kept.

    Raises:
        MemoryError: If the shared memory of this machine has no room.
    """

    def __init__(self, sizes: list[tuple[int, int]]) -> None:
        self.sizes = sizes
        lengths = [3 * height * width for height, width in sizes]
        self._starts = np.concatenate([[0], np.cumsum(lengths)])
        total = int(self._starts[-1])
        known = os.path.isdir(_SHARED)  # not on a Mac
        free = shutil.disk_usage(_SHARED).free if known else total
        if total > free:
            raise MemoryError(
                f'the decoded images need {total / 2**30:.1f} GiB of shared '
                f'memory, but {_SHARED} has only {free / 2**30:.1f} GiB: '
                'leave out cache=True, store the images smaller, or enlarge '
                f'{_SHARED}'
            )
        self._pixels = torch.empty(total, dtype=torch.uint8)
        self._done = torch.zeros(len(sizes), dtype=torch.bool)
        self.share()

    def share(self) -> None:
        """Let worker processes share the pixels; after a copy, once more."""
        self._pixels.share_memory_()
        self._done.share_memory_()

    def open(self, index: int, info: dict[str, Any]) -> DecodedSource:
        """The image of a data info, decoded the first time only.

        Raises:
            UnreadableImageError: If it cannot be decoded; nothing is kept.
        """
        if self._done[index]:
            return DecodedSource(self._slot(index))
        pixels = SourceImage.from_data_info(info).decode()
        if pixels.shape[:2] == self.sizes[index]:  # else it was changed since
            self._slot(index)[...] = pixels
            self._done[index] = True
        return DecodedSource(pixels)

    def _slot(self, index: int) -> np.ndarray:
        start, end = self._starts[index : index + 2]
        flat = self._pixels[start:end].numpy()
        return flat.reshape(*self.sizes[index], 3)
