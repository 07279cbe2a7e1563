"""Colour changes of one view, on uint8 arrays."""

from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpretrain.registry import TRANSFORMS

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

    Required keys: ``views``, ``rng``. Changed key: ``views``.

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
    ) -> None:
        self.views = [view] if isinstance(view, int) else [*view]
        if not self.views or not {1, 2}.issuperset(self.views):
            raise ValueError(f'view must be 1 or 2, not {view}')
        self.jitter_prob = jitter_prob
        self.jitter = (
            (adjust_brightness, 1 - brightness, 1 + brightness),
            (adjust_contrast, 1 - contrast, 1 + contrast),
            (adjust_saturation, 1 - saturation, 1 + saturation),
            (adjust_hue, -hue, hue),
        )
        self.grey_prob = grey_prob
        self.blur_prob = blur_prob
        self.blur_sigma = blur_sigma
        self.solarize_prob = solarize_prob
        self.solarize_threshold = solarize_threshold

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Change the views in their places of the list."""
        changes = self._draw(results['rng'])
        for view in self.views:
            pixels = results['views'][view - 1]
            for change in changes:
                pixels = change(pixels)
            results['views'][view - 1] = pixels
        return results

    def _draw(
        self, rng: np.random.Generator
    ) -> list[Callable[[np.ndarray], np.ndarray]]:
        """What is to be done to the pixels, in order."""
        changes: list[Callable[[np.ndarray], np.ndarray]] = []
        if rng.random() < self.jitter_prob:
            for i in rng.permutation(len(self.jitter)):
                adjust, low, high = self.jitter[i]
                changes.append(_with(adjust, rng.uniform(low, high)))
        if rng.random() < self.grey_prob:
            changes.append(to_greyscale)
        if rng.random() < self.blur_prob:
            changes.append(_with(blur, rng.uniform(*self.blur_sigma)))
        if rng.random() < self.solarize_prob:
            changes.append(_with(solarize, self.solarize_threshold))
        return changes


def _with(change: Callable, amount: float) -> Callable:
    """The change by a fixed amount."""
    return lambda pixels: change(pixels, amount)


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


def to_greyscale(pixels: np.ndarray) -> np.ndarray:
    """Replace the three channels of (H, W, 3) by their luma."""
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)


def blur(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """Gaussian blur; borders are continued, as Pillow does.

    Args:
        pixels (np.ndarray): (H, W, 3) uint8.
        sigma (float): Standard deviation in pixels (Pillow's "radius").

    Returns:
        np.ndarray: (H, W, 3) uint8.
    """
    return cv2.GaussianBlur(
        pixels, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE
    )


def solarize(pixels: np.ndarray, threshold: int) -> np.ndarray:
    """Invert all levels from ``threshold`` on, channel by channel."""
    levels = np.arange(256, dtype=np.uint8)
    return cv2.LUT(pixels, np.where(levels < threshold, levels, 255 - levels))


def _to_levels(values: np.ndarray) -> np.ndarray:
    """Clip to 0..255 and cut off fractions, as Pillow's blend does."""
    return np.clip(values, 0, 255).astype(np.uint8)
