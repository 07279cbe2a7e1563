"""Block-wise mask of view 1 with an exact number of masked patches."""

import math
from numbers import Integral
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from mmengine.utils import to_2tuple
from mmpretrain.registry import TRANSFORMS

from ..errors import InputError, check_fractions

# Failed draws in a row after which no further block is tried, as in BEiT.
_TRIES = 10


@TRANSFORMS.register_module()
class BlockMask(BaseTransform):
    """Draws which patches of view 1 the online branch does not see.

    Unlike the stock ``BEiTMaskGenerator`` it reaches the last row and
    column, always ends, and takes its random numbers from the sample.

    Required key: ``rng``. Added key: ``mask``, (rows, columns) bool, True
    is masked.

    Args:
        grid (int | tuple[int, int]): Patches per column and per row of a
            view. Defaults to 14.
        num_masked (int): Patches to mask, exactly. Defaults to 118.
        min_block (int): Least patches of a block. Defaults to 16.
        min_aspect (float): Least height / width of a block; the greatest
            is its inverse. Defaults to 0.3.
        blocks (bool): False masks single patches at random instead: an
            ablation. Defaults to True.

    Raises:
        ValueError: If ``num_masked`` is negative, not whole, or not less
            than the patches of the grid.
        InputError: If ``min_aspect`` is not above 0 and up to 1, or
            ``min_block`` less than 1.
    """

    def __init__(
        self,
        grid: int | tuple[int, int] = 14,
        num_masked: int = 118,
        min_block: int = 16,
        min_aspect: float = 0.3,
        blocks: bool = True,
    ) -> None:
        self.grid = to_2tuple(grid)
        rows, columns = self.grid
        whole = isinstance(num_masked, Integral)  # NumPy's are too
        if not (whole and 0 <= num_masked < rows * columns):
            raise ValueError(
                'num_masked must be a whole number from 0 to '
                f'{rows * columns - 1} for a grid of {rows} x {columns} '
                f'patches, not {num_masked}'
            )
        check_fractions('BlockMask', min_aspect=min_aspect)
        if min_aspect == 0 or min_block < 1:
            raise InputError(
                f'min_aspect={min_aspect} of BlockMask must be above 0, and '
                f'min_block={min_block} at least 1 patch'
            )
        self.num_masked = num_masked
        self.min_block = min_block
        self.min_aspect = min_aspect
        self.blocks = blocks
        # what the grid can hold at these aspects
        self.largest = min(rows, math.floor(columns / min_aspect)) * min(
            columns, math.floor(rows / min_aspect)
        )

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Add ``mask``."""
        results['mask'] = self.draw(results['rng'])
        return results

    def draw(self, rng: np.random.Generator) -> np.ndarray:
        """Add random blocks to a mask, then fill up at random.

        A block has an area uniform between ``min_block`` and what is still
        missing and a log-uniform aspect (BEiT,
        https://arxiv.org/abs/2106.08254, algorithm 1). Blocks may overlap;
        one that does not fit the grid, masks nothing new or too much is drawn
        again.

        Returns:
            np.ndarray: (rows, columns) bool with ``num_masked`` True values.
        """
        mask = np.zeros(self.grid, bool)
        missing = self.num_masked
        failures = 0
        while self.blocks and missing and failures < _TRIES:
            region = self._draw_block(mask, min(missing, self.largest), rng)
            new = region.size - int(np.count_nonzero(region))
            if 0 < new <= missing:
                region[...] = True
                missing -= new
                failures = 0
            else:
                failures += 1
        visible = np.flatnonzero(~mask)
        mask.flat[rng.choice(visible, missing, replace=False)] = True
        return mask

    def _draw_block(
        self, mask: np.ndarray, greatest: int, rng: np.random.Generator
    ) -> np.ndarray:
        """A random block as a view into the mask, empty if it does not fit."""
        rows, columns = self.grid
        # One call for all four numbers: most of the time goes into calls.
        size, shape, top, left = rng.random(4).tolist()
        least = min(self.min_block, self.largest, self.num_masked)
        area = least + size * max(greatest - least, 0)
        aspect = self.min_aspect ** (1 - 2 * shape)
        height = round(math.sqrt(area * aspect))
        width = round(math.sqrt(area / aspect))
        if not (0 < height <= rows and 0 < width <= columns):
            return mask[:0]
        y = int(top * (rows - height + 1))
        x = int(left * (columns - width + 1))
        return mask[y : y + height, x : x + width]
