"""What happens to a batch of views on the model's device."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from mmpretrain.models.utils import SelfSupDataPreprocessor
from mmpretrain.registry import MODELS
from torch import Tensor

from ..errors import InputError
from .photometric import NAMES


@MODELS.register_module()
class ViewPreprocessor(SelfSupDataPreprocessor):
    """Makes the colour changes that were left to the device, and normalises.

    The changes are those that ``ViewPhotometric(on_device=True)`` drew for
    each image and view. Without them it is mmpretrain's
    ``SelfSupDataPreprocessor``.

    Args:
        symmetric (bool): also predict view 1 from a masked view 2, as the
            symmetric losses of contrastive methods do: a batch of B pairs
            becomes one of 2 B. The paper does not. Defaults to False.
        **kwargs: of ``SelfSupDataPreprocessor``.

    Raises:
        InputError: if the mean or the deviation of the channels cannot be,
            or channels would be swapped.
    """

    def __init__(self, symmetric: bool = False, **kwargs: Any) -> None:
        for name in ('mean', 'std'):
            _check_channels(name, kwargs.get(name))
        for name in ('to_rgb', 'bgr_to_rgb', 'rgb_to_bgr'):
            if kwargs.get(name):
                raise InputError(
                    f'{name}=True of the data preprocessor would swap red and '
                    'blue of the views, which are RGB already: leave it out'
                )
        super().__init__(**kwargs)
        self.symmetric = symmetric

    def cast_data(self, data: Any) -> Any:
        """Move a batch to the model's device."""
        if not takes_non_blocking(self.device):
            self._non_blocking = False
        return super().cast_data(data)

    def forward(
        self, data: dict[str, Any], training: bool = False
    ) -> dict[str, Any]:
        """Turn a batch of the data loader into a model's input.

        Args:
            data (dict): ``inputs``, a list of (B, 3, H, W) uint8 views or a
                single one, and ``data_samples``; ``changes`` (B, views, 7, 2)
                in it must lie on the CPU.
            training (bool): False for an evaluation, whose views are not
                swapped even if ``symmetric``.

        Returns:
            dict: the same with normalised float32 views on the model's
            device, without ``changes``, and in a ``symmetric`` training
            both ways.
        """
        batch = super().forward(self._changed(data), training)
        return both_ways(batch) if self.symmetric and training else batch

    def _changed(self, data: dict[str, Any]) -> dict[str, Any]:
        """The batch with the colour changes that it brings."""
        samples = data.get('data_samples')
        if not isinstance(samples, dict) or 'changes' not in samples:
            return data
        # On the host it is known which images a change concerns, so that
        # nobody has to wait for the device.
        changes = samples['changes'].unbind(1)
        samples = {k: v for k, v in samples.items() if k != 'changes'}
        views = self.cast_data(data['inputs'])
        single = isinstance(views, Tensor)
        changed = [
            change_views(*both)
            for both in zip([views] if single else views, changes, strict=True)
        ]
        inputs = changed[0] if single else changed
        return dict(inputs=inputs, data_samples=samples)


def _check_channels(name: str, given: Any) -> None:
    """Refuse what is not a number for each channel."""
    right = given is None or (
        isinstance(given, list | tuple)
        and len(given) in (1, 3)
        and all(isinstance(number, int | float) for number in given)
        # deviations below one level are of pixels in 0 to 1
        and (name == 'mean' or (min(given) > 0 and max(given) >= 1))
    )
    if not right:
        raise InputError(
            f'{name}={given!r} of the data preprocessor must be three '
            'numbers, of red, green and blue in 0 to 255'
        )


def both_ways(batch: dict[str, Any]) -> dict[str, Any]:
    """Let each pair of views follow once more with the views swapped.

    A swapped pair takes the mask of the next image: masks are drawn
    independently of the images, so this one is as random as a new one.

    Args:
        batch (dict): ``inputs``, views 1 and 2, each (B, 3, H, W), and the
            ``data_samples`` of ``PackTwoViews``.

    Returns:
        dict: the same of 2 B pairs.

    Raises:
        InputError: if there are no boxes.
    """
    views, samples = batch['inputs'], batch['data_samples']
    if not isinstance(samples, dict) or 'boxes' not in samples:
        raise InputError(
            'symmetric=True of the data preprocessor needs the boxes of '
            'two views: end the pipeline with PackTwoViews, or leave it out'
        )
    swapped = dict(samples)
    for name in ('boxes', 'flips'):
        swapped[name] = samples[name].flip(1)
    for name in ('mask', 'visible'):
        swapped[name] = samples[name].roll(-1, 0)
    return dict(
        inputs=[torch.cat(views), torch.cat(views[::-1])],
        data_samples={
            k: torch.cat([v, swapped[k]]) for k, v in samples.items()
        },
    )


def takes_non_blocking(device: torch.device) -> bool:
    """Whether a copy to a device need not be waited for.

    An Apple GPU may read memory that has another use by then
    (https://github.com/pytorch/pytorch/issues/189690).
    """
    return device.type != 'mps'


def to_device(tensor: Tensor, device: torch.device) -> Tensor:
    """A copy on a device, which nobody waits for where that is safe."""
    return tensor.to(device, non_blocking=takes_non_blocking(device))


@torch.no_grad()
def change_views(views: Tensor, changes: Tensor) -> Tensor:
    """Change the colours of each image in its own way.

    Kornia computes them, a kind of change at a time for all images that have
    it as their next one. The values are not rounded in between.

    Args:
        views (Tensor): (B, 3, H, W) RGB in 0 to 255.
        changes (Tensor): (B, S, 2) on the CPU, place in ``NAMES`` and amount
            of each image's changes in order; -1 is none.

    Returns:
        Tensor: (B, 3, H, W) float32 in 0 to 255.
    """
    kornia_changes = _kornia_changes()
    pixels = views.float() / 255
    device = pixels.device
    with torch.autocast(device.type, enabled=False):
        for kinds, amounts in changes.numpy().transpose(1, 2, 0):
            for kind in np.unique(kinds[kinds >= 0]).astype(int):
                prepare, change = kornia_changes[NAMES[kind]]
                places = np.flatnonzero(kinds == kind)
                amount = prepare(torch.from_numpy(amounts[places]))
                index = to_device(torch.from_numpy(places), device)
                amount = to_device(amount, device)
                pixels.index_copy_(0, index, change(pixels[index], amount))
    return pixels * 255


def _kornia_changes() -> dict[str, tuple[Callable, Callable]]:
    """How kornia makes each of ``NAMES``.

    First on the host, (N,) amounts to kornia's; then on the device, with
    these, RGB images in 0 to 1.
    """
    from kornia import color, enhance, filters  # optional dependency

    def kernels(sigma: Tensor) -> Tensor:
        size = 2 * math.ceil(3 * sigma.numpy().max()) + 1
        return filters.get_gaussian_kernel1d(size, sigma[:, None])

    def blur(pixels: Tensor, kernel: Tensor) -> Tensor:
        return filters.filter2d_separable(pixels, kernel, kernel, 'replicate')

    def unchanged(amounts: Tensor) -> Tensor:
        return amounts

    return dict(
        brightness=(unchanged, enhance.adjust_brightness_accumulative),
        contrast=(unchanged, enhance.adjust_contrast_with_mean_subtraction),
        saturation=(
            unchanged,
            enhance.adjust_saturation_with_gray_subtraction,
        ),
        hue=(lambda turns: 2 * math.pi * turns, enhance.adjust_hue),
        greyscale=(
            unchanged,
            lambda pixels, _: color.rgb_to_grayscale(pixels).expand_as(pixels),
        ),
        blur=(kernels, blur),
        # between two levels of a uint8 image, whatever the rounding
        solarize=(lambda level: (level - 0.5) / 255, enhance.solarize),
    )
