"""Two views with Pillow and torchvision, as one writes it first."""

import random
from collections.abc import Sequence

import torch
from PIL import Image, ImageFilter
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.transforms import ColorJitter, RandomResizedCrop
from torchvision.transforms import functional as F

_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_BLUR = (1.0, 0.1)  # probability of each view
_SOLARIZE = (0.0, 0.2)


class PlainTwoViews(Dataset):
    """Images as two normalised float views, boxes, flips and a mask.

    Args:
        paths (Sequence[str]): image files.
        size (int): height and width of a view in pixels.
        grid (int): patches a side.
        num_masked (int): patches to mask, drawn in blocks.
    """

    def __init__(
        self, paths: Sequence[str], size: int, grid: int, num_masked: int
    ) -> None:
        self.paths = paths
        self.size = size
        self.grid = grid
        self.num_masked = num_masked
        self.jitter = ColorJitter(0.4, 0.4, 0.2, 0.1)

    def __len__(self) -> int:
        """Number of images."""
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple:
        """Views, boxes (2, 4), flips (2,), width of the image, mask."""
        with Image.open(self.paths[index % len(self)]) as file:
            image = file.convert('RGB')
        views, boxes, flips = [], [], []
        for number in range(2):
            flip = random.random() < 0.5
            flipped = F.hflip(image) if flip else image
            box = RandomResizedCrop.get_params(
                flipped, (0.08, 1.0), (3 / 4, 4 / 3)
            )
            bicubic = F.InterpolationMode.BICUBIC
            view = F.resized_crop(
                flipped, *box, [self.size, self.size], bicubic
            )
            views.append(self._colour(view, number))
            boxes.append(box)
            flips.append(flip)
        return (
            views,
            torch.tensor(boxes).float(),
            torch.tensor(flips),
            float(image.width),
            self._mask(),
        )

    def _colour(self, view: Image.Image, number: int) -> Tensor:
        """Photometric part of one view, then a normalised tensor."""
        if random.random() < 0.8:
            view = self.jitter(view)
        if random.random() < 0.2:
            view = F.rgb_to_grayscale(view, 3)
        if random.random() < _BLUR[number]:
            sigma = random.uniform(0.1, 2.0)
            view = view.filter(ImageFilter.GaussianBlur(sigma))
        if random.random() < _SOLARIZE[number]:
            view = F.solarize(view, 128)
        return F.normalize(F.to_tensor(view), _MEAN, _STD)

    def _mask(self) -> Tensor:
        """(grid, grid) bool: blocks, then single patches."""
        mask = torch.zeros(self.grid, self.grid, dtype=torch.bool)
        missing = self.num_masked
        while missing > 0:
            side = max(1, min(int(missing**0.5), self.grid // 2))
            top = random.randrange(self.grid - side + 1)
            left = random.randrange(self.grid - side + 1)
            mask[top : top + side, left : left + side] = True
            missing = self.num_masked - int(mask.sum())
        return mask
