"""Two random crops of one image, with the geometry that relates them."""

import math
from typing import Any

import cv2
import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.utils import to_2tuple
from mmpretrain.registry import TRANSFORMS
from torch.nn import functional as F

from ..errors import check_fractions, check_range

Box = tuple[int, int, int, int]  # y, x, height, width in source pixels


@TRANSFORMS.register_module()
class TwoViews(BaseTransform):
    """Flips and crops an image twice and keeps boxes and flips.

    Each view: flip of the whole image, random resized crop, antialiased
    bicubic resize (section 3.2 of https://arxiv.org/abs/2206.01204).
    Instead of the whole image, the mirrored region is cropped and the
    small result flipped, which gives the same pixels.

    Required keys: ``source``, ``rng``. Added keys:

    - ``views`` (list): ``num_views`` uint8 RGB arrays (size[0], size[1],
      3).
    - ``boxes`` (np.ndarray): (num_views, 4) float32, crop (y, x, h, w) of
      each view in pixels of the source, flipped if the view is.
    - ``flips`` (np.ndarray): (num_views,) bool.
    - ``source_width`` (float): Width of the source in pixels.

    Args:
        size (int | tuple[int, int]): Height and width of a view in pixels.
            Defaults to 224.
        area (tuple[float, float]): Range of the crop's share of the
            image. Defaults to (0.08, 1.0).
        aspect (tuple[float, float]): Range of the crop's width divided by
            its height. Defaults to (3 / 4, 4 / 3).
        flip_prob (float): Probability of a flip. Defaults to 0.5.
        num_views (int): Views to cut; ``SiameseIM`` takes two. Defaults
            to 2.
        shared_crop (bool): Give all views the crop and flip of view 1: an
            ablation, which leaves no second view but its colours.
            Defaults to False.

    Raises:
        InputError: if ``area`` or ``aspect`` is no such range, or
            ``flip_prob`` not from 0 to 1.
    """

    def __init__(
        self,
        size: int | tuple[int, int] = 224,
        area: tuple[float, float] = (0.08, 1.0),
        aspect: tuple[float, float] = (3 / 4, 4 / 3),
        flip_prob: float = 0.5,
        num_views: int = 2,
        shared_crop: bool = False,
    ) -> None:
        check_range('TwoViews', '(0.08, 1.0)', limit=1, area=area)
        check_range('TwoViews', '(0.75, 1.33)', aspect=aspect)
        check_fractions('TwoViews', flip_prob=flip_prob)
        self.size = to_2tuple(size)
        self.area = area
        self.aspect = aspect
        self.flip_prob = flip_prob
        self.num_views = num_views
        self.shared_crop = shared_crop

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Draw the crops, decode what they need, and cut them out."""
        source, rng = results['source'], results['rng']
        height, width = source.height, source.width
        count = range(self.num_views)
        flips = [bool(rng.random() < self.flip_prob) for _ in count]
        boxes = [
            draw_crop(height, width, self.area, self.aspect, rng)
            for _ in count
        ]
        if self.shared_crop:
            flips = flips[:1] * self.num_views
            boxes = boxes[:1] * self.num_views
        reduction = _choose_reduction(boxes, self.size, source.max_reduction)
        pixels = source.decode(reduction)
        views = []
        for i, flip in enumerate(flips):
            box = mirror(boxes[i], width) if flip else boxes[i]
            box = _align(box, reduction)
            view = _cut(pixels, box, reduction, self.size)
            views.append(cv2.flip(view, 1) if flip else view)
            boxes[i] = mirror(box, width) if flip else box
        results['views'] = views
        results['boxes'] = np.array(boxes, np.float32)
        results['flips'] = np.array(flips)
        results['source_width'] = float(width)
        return results


def draw_crop(
    height: int,
    width: int,
    area: tuple[float, float],
    aspect: tuple[float, float],
    rng: np.random.Generator,
) -> Box:
    """Draw a random crop as torchvision's ``RandomResizedCrop`` does.

    The area is uniform, the aspect log-uniform; up to ten tries, else the
    largest central crop whose aspect is in range.

    Args:
        height (int): Rows of the image, in pixels.
        width (int): Columns of the image, in pixels.
        area (tuple[float, float]): Range of the share of the image.
        aspect (tuple[float, float]): Range of width / height.
        rng (np.random.Generator): Source of the random numbers.
    """
    low, high = math.log(aspect[0]), math.log(aspect[1])
    for _ in range(10):
        target = height * width * rng.uniform(*area)
        ratio = math.exp(rng.uniform(low, high))
        w = round(math.sqrt(target * ratio))
        h = round(math.sqrt(target / ratio))
        if 0 < w <= width and 0 < h <= height:
            y = int(rng.integers(height - h + 1))
            x = int(rng.integers(width - w + 1))
            return y, x, h, w
    w = min(width, round(height * aspect[1]))
    h = min(height, round(width / aspect[0]))
    return (height - h) // 2, (width - w) // 2, h, w


def mirror(box: Box, width: int) -> Box:
    """The same region after a flip of an image ``width`` pixels wide."""
    y, x, h, w = box
    return y, width - x - w, h, w


def _choose_reduction(
    boxes: list[Box], size: tuple[int, int], limit: int
) -> int:
    """Largest of 1, 2, 4, 8 at which no crop needs enlarging for it."""
    room = min(min(h // size[0], w // size[1], limit) for _, _, h, w in boxes)
    return next((r for r in (8, 4, 2) if r <= room), 1)


def _align(box: Box, step: int) -> Box:
    """Move the edges of a box to whole pixels of a reduced image.

    The geometry stays exact, as the moved box is the one that is kept. An
    edge moves by less than one pixel of the reduced image, in which the
    crop is at least as large as the view.
    """
    y, x, h, w = box
    top, left = y // step * step, x // step * step
    bottom, right = (y + h) // step * step, (x + w) // step * step
    return top, left, bottom - top, right - left


def _cut(
    pixels: np.ndarray, box: Box, reduction: int, size: tuple[int, int]
) -> np.ndarray:
    """Crop and resize, bicubic and antialiased.

    PyTorch's uint8 kernel takes a quarter of Pillow's time for the same
    filter; on photographs they differ by 0.2 grey levels on average.
    """
    y, x, h, w = (side // reduction for side in box)
    crop = torch.from_numpy(pixels[y : y + h, x : x + w].copy())
    # The batch dimension comes first: PyTorch then knows the memory as
    # channels-last and computes in place of copying to and fro.
    batch = crop[None].permute(0, 3, 1, 2)  # (h, w, 3) -> (1, 3, h, w)
    view = F.interpolate(batch, size, mode='bicubic', antialias=True)
    return view[0].permute(1, 2, 0).contiguous().numpy()  # (H, W, 3)
