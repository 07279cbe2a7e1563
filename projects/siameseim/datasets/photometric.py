"""Colour changes of one view, on uint8 arrays."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpretrain.registry import TRANSFORMS

from ..errors import check_fractions, check_range

# ITU-R 601 luma, as Pillow and torchvision weigh R, G and B.
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_LEVELS = np.arange(256, dtype=np.float32)


@TRANSFORMS.register_module()
class ViewPhotometric(BaseTransform):
    """Colour jitter, greyscale, blur and solarization of one view.

    The recipe of BYOL and MoCo v3: jitter of brightness, contrast,
    saturation and hue in random order as torchvision's ``ColorJitter``,
    then greyscale, Gaussian blur and solarization, each with its
    probability. OpenCV computes them: equal to Pillow's results but for
    rounding, several times faster. The blur is a true Gaussian of standard
    deviation sigma, which Pillow's box filters approximate.

    With ``on_device`` the changes are only drawn here, from the same random
    numbers, and ``ViewPreprocessor`` makes them on the model's device.

    Required keys: ``views``, ``rng``. Changed key: ``views``, or with
    ``on_device`` added key ``changes`` (np.ndarray): (views, 7, 2) float32,
    the place in ``CHANGES`` and the amount of each change in order, -1 where
    there is none.

    Args:
        view (int | Sequence[int]): the view to change, from 1; several
            views get the same changes.
        jitter_prob (float): Probability of the jitter. Defaults to 0.8.
        brightness (float): Factor in 1 - x to 1 + x. Defaults to 0.4.
        contrast (float): Factor in 1 - x to 1 + x. Defaults to 0.4.
        saturation (float): Factor in 1 - x to 1 + x. Defaults to 0.2.
        hue (float): Shift in -x to x turns of the colour circle. Defaults
            to 0.1.
        grey_prob (float): Probability of greyscale. Defaults to 0.2.
        blur_prob (float): Probability of the blur. Defaults to 0.
        blur_sigma (tuple[float, float]): Range of the standard deviation
            in pixels of the view. Defaults to (0.1, 2.0).
        solarize_prob (float): Probability of solarization. Defaults to 0.
        solarize_threshold (int): Levels from here on are inverted.
            Defaults to 128.
        on_device (bool): Leave the changes to the model's device; needs
            kornia. Defaults to False.

    Raises:
        ValueError: If a view is not 1 or 2.
        InputError: If a probability or a width of the jitter is not from 0
            to 1, or ``blur_sigma`` is no range of positive numbers.
        ModuleNotFoundError: If kornia is needed and not installed.
    """

    def __init__(
        self,
        view: int | Sequence[int],
        jitter_prob: float = 0.8,
        brightness: float = 0.4,
        contrast: float = 0.4,
        saturation: float = 0.2,
        hue: float = 0.1,
        grey_prob: float = 0.2,
        blur_prob: float = 0.0,
        blur_sigma: tuple[float, float] = (0.1, 2.0),
        solarize_prob: float = 0.0,
        solarize_threshold: int = 128,
        on_device: bool = False,
    ) -> None:
        check_fractions(
            type(self).__name__,
            jitter_prob=jitter_prob,
            brightness=brightness,
            contrast=contrast,
            saturation=saturation,
            hue=hue,
            grey_prob=grey_prob,
            blur_prob=blur_prob,
            solarize_prob=solarize_prob,
        )
        check_range(type(self).__name__, '(0.1, 2.0)', blur_sigma=blur_sigma)
        self.views = [view] if isinstance(view, int) else [*view]
        if not self.views or not {1, 2}.issuperset(self.views):
            raise ValueError(f'view must be 1 or 2, not {view}')
        self.jitter_prob = jitter_prob
        self.jitter = (
            ('brightness', 1 - brightness, 1 + brightness),
            ('contrast', 1 - contrast, 1 + contrast),
            ('saturation', 1 - saturation, 1 + saturation),
            ('hue', -hue, hue),
        )
        self.grey_prob = grey_prob
        self.blur_prob = blur_prob
        self.blur_sigma = blur_sigma
        self.solarize_prob = solarize_prob
        self.solarize_threshold = solarize_threshold
        self.on_device = on_device
        if on_device and find_spec('kornia') is None:
            raise ModuleNotFoundError(
                'ViewPhotometric(on_device=True) needs kornia: run '
                f"{sys.executable} -m pip install 'kornia>=0.9', or set "
                'on_device=False'
            )

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change the views in their places of the list, or say how.

        Raises:
            ValueError: if an earlier step left changes of the same view to
                the device, which makes them last.
        """
        late = results.setdefault('left_to_device', set())
        if late.intersection(self.views):
            raise ValueError(
                f'ViewPhotometric(view={self.views}) comes after one with '
                'on_device=True for the same view, whose changes are made '
                'last: put all into one step'
            )
        changes = self._draw(results['rng'])
        if self.on_device:
            late.update(self.views)
            self._note(changes, results)
            return results
        for view in self.views:
            pixels = results['views'][view - 1]
            for name, amount in changes:
                pixels = CHANGES[name](pixels, amount)
            results['views'][view - 1] = pixels
        return results

    def _note(
        self, changes: list[tuple[str, float]], results: dict[str, Any]
    ) -> None:
        """Write down what the device is to do."""
        shape = (len(results['views']), len(CHANGES), 2)
        noted = results.setdefault('changes', np.full(shape, -1, np.float32))
        for view in self.views:
            for place, (name, amount) in enumerate(changes):
                noted[view - 1, place] = NAMES.index(name), amount

    def _draw(self, rng: np.random.Generator) -> list[tuple[str, float]]:
        """Names and amounts of what is to be done, in order."""
        changes: list[tuple[str, float]] = []
        if rng.random() < self.jitter_prob:
            for i in rng.permutation(len(self.jitter)):
                name, low, high = self.jitter[i]
                changes.append((name, rng.uniform(low, high)))
        if rng.random() < self.grey_prob:
            changes.append(('greyscale', 1.0))
        if rng.random() < self.blur_prob:
            changes.append(('blur', rng.uniform(*self.blur_sigma)))
        if rng.random() < self.solarize_prob:
            changes.append(('solarize', self.solarize_threshold))
        return changes


def adjust_brightness(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Blend an RGB uint8 image (H, W, 3) with black; factor 1 keeps it."""
    return cv2.LUT(pixels, _to_levels(_LEVELS * factor))


def adjust_contrast(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Blend an RGB uint8 image (H, W, 3) with its mean grey level."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    mean = round(cv2.mean(grey)[0])
    return cv2.LUT(pixels, _to_levels(mean + (_LEVELS - mean) * factor))


def adjust_saturation(pixels: np.ndarray, factor: float) -> np.ndarray:
    """Blend an RGB uint8 image (H, W, 3) with its greyscale version."""
    matrix = factor * np.eye(3, dtype=np.float32) + (1 - factor) * _LUMA
    return cv2.transform(pixels, matrix)


def adjust_hue(pixels: np.ndarray, turns: float) -> np.ndarray:
    """Turn the hue of an RGB uint8 image (H, W, 3); 1 is a full turn."""
    hsv = cv2.cvtColor(pixels, cv2.COLOR_RGB2HSV_FULL)
    hsv[..., 0] += np.uint8(round(turns * 256) % 256)  # wraps, as a circle
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL)


def to_greyscale(pixels: np.ndarray, _: float) -> np.ndarray:
    """Replace the three channels of (H, W, 3) by their luma.

    The second argument gives all changes one signature.
    """
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)


def blur(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur of (H, W, 3) uint8, borders continued as by Pillow.

    ``sigma`` is the standard deviation in pixels (Pillow's "radius").
    """
    return cv2.GaussianBlur(
        pixels, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE
    )


def solarize(pixels: np.ndarray, threshold: float) -> np.ndarray:
    """Invert all levels from ``threshold`` on, channel by channel."""
    levels = np.arange(256, dtype=np.uint8)
    return cv2.LUT(pixels, np.where(levels < threshold, levels, 255 - levels))


def _to_levels(values: np.ndarray) -> np.ndarray:
    """Clip to 0..255 and cut off fractions, as Pillow's blend does."""
    return np.clip(values, 0, 255).astype(np.uint8)


# What an image can be changed by; packed samples name them by their place.
CHANGES = {
    'brightness': adjust_brightness,
    'contrast': adjust_contrast,
    'saturation': adjust_saturation,
    'hue': adjust_hue,
    'greyscale': to_greyscale,
    'blur': blur,
    'solarize': solarize,
}
NAMES = list(CHANGES)
