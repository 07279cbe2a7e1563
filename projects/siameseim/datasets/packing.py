"""Last step of the pipeline: one sample as tensors to be batched."""

from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmpretrain.registry import TRANSFORMS
from torch import Tensor

from ..errors import InputError

_NEEDED = ('views', 'boxes', 'flips', 'source_width', 'mask')


@TRANSFORMS.register_module()
class PackViews(BaseTransform):
    """Packs views alone, as mmpretrain's other methods take them."""

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Turn the results into what a model takes.

        Args:
            results (dict): With ``views`` and ``sample_idx``.

        Returns:
            dict: ``inputs``, the (3, H, W) uint8 RGB tensor of a single view
            or a list of several, and ``data_samples`` with ``sample_idx`` ()
            int64, and ``changes`` (views, 7, 2) float32 if a
            ``ViewPhotometric`` left them to the device.

        Raises:
            InputError: If a view is no uint8 RGB.
        """
        views = [_to_chw(view) for view in results['views']]
        samples = {'sample_idx': torch.tensor(results['sample_idx'])}
        if 'changes' in results:
            samples['changes'] = torch.from_numpy(results['changes'])
        return {
            'inputs': views[0] if len(views) == 1 else views,
            'data_samples': samples,
        }


@TRANSFORMS.register_module()
class PackTwoViews(PackViews):
    """Packs two views and their geometry for ``default_collate``.

    Plain tensors instead of one ``DataSample`` an image: a batch then
    reaches the accelerator in a few copies instead of hundreds. Pixels
    stay uint8; the data preprocessor normalises them on the device.
    """

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Turn the results into what a model takes.

        Args:
            results (dict): With ``views``, ``mask``, ``boxes``, ``flips``,
                ``source_width`` and ``sample_idx``.

        Returns:
            dict: as of ``PackViews``, and in ``data_samples`` ``mask``
            (rows, columns) bool, True is masked, ``visible`` (V,) int64, the
            indices of view 1's visible patches row by row over the grid,
            ``boxes`` (2, 4) float32, ``flips`` (2,) bool and
            ``source_width`` () float32.

        Raises:
            InputError: If a step before left something out, if views are no
                uint8 RGB, or the mask no (rows, columns) of 0 and 1 with a
                visible patch.
        """
        missing = [name for name in _NEEDED if name not in results]
        if missing:
            raise InputError(
                f'PackTwoViews got no {missing} (only {sorted(results)}): the '
                'pipeline needs steps such as TwoViews and BlockMask before'
            )
        mask = _as_mask(results['mask'])
        # Indices beside the mask: from the mask alone the model would have
        # to wait for the device to learn how many patches it leaves.
        visible = np.flatnonzero(~mask)
        packed = super().transform(results)
        packed['data_samples'].update(
            mask=torch.from_numpy(mask),
            visible=torch.from_numpy(visible),
            boxes=torch.from_numpy(np.asarray(results['boxes'], np.float32)),
            flips=torch.from_numpy(np.asarray(results['flips'], bool)),
            source_width=torch.tensor(results['source_width']),
        )
        return packed


def _as_mask(mask: Any) -> np.ndarray:
    """(rows, columns) bool, True is masked, of any array of 0 and 1."""
    array = np.asarray(mask)
    hidden = array.astype(bool)
    if array.ndim != 2 or hidden.all() or (hidden != array).any():
        raise InputError(
            f'PackTwoViews got a mask of {array.dtype} {array.shape} that '
            f'hides {hidden.sum()} patches: it must be (rows, columns) of '
            'True or 1, where a patch is hidden, and False or 0, of which '
            'there must be some'
        )
    return hidden


def _to_chw(pixels: np.ndarray) -> Tensor:
    """(H, W, 3) array -> contiguous (3, H, W) tensor."""
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise InputError(
            f'got a view of {pixels.dtype} {pixels.shape} to pack: the steps '
            'before must leave (height, width, 3) arrays of uint8, RGB'
        )
    planes = np.empty((3, *pixels.shape[:2]), np.uint8)
    cv2.split(pixels, list(planes))  # an eighth of the time of a permute
    return torch.from_numpy(planes)
