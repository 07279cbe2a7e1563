"""Real photographs that lie on the disk once the packages are installed."""

from importlib.resources import files
from typing import Any

import numpy as np
from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS
from PIL import Image

# Only files inside the wheels (checked for scikit-image 0.21 to 0.26), which
# `skimage.data` and `sklearn.datasets` would else download. Charts, drawings
# and the second picture of a stereo pair are left out.
PHOTOS = {
    'skimage': (
        'data/astronaut.png',
        'data/brick.png',
        'data/camera.png',
        'data/chelsea.png',
        'data/coffee.png',
        'data/coins.png',
        'data/grass.png',
        'data/gravel.png',
        'data/hubble_deep_field.jpg',
        'data/ihc.png',
        'data/moon.png',
        'data/motorcycle_left.png',
        'data/retina.jpg',
        'data/rocket.jpg',
    ),
    'sklearn': (
        'datasets/images/china.jpg',
        'datasets/images/flower.jpg',
    ),
}
# A photograph with a longer side than this is halved, so that a tile shows
# about as much of the scene in each.
_LONGEST = 800
# Share of the width, from the left, that the training tiles come from.
_TRAIN_WIDTH = 0.65


def load_photos() -> dict[str, np.ndarray]:
    """Read the photographs.

    Returns:
        dict[str, np.ndarray]: (H, W, 3) uint8 RGB by name, such as 'coffee'.

    Raises:
        FileNotFoundError: if a package lacks one of its images.
    """
    return {
        name.rsplit('/', 1)[-1].split('.')[0]: _load(package, name)
        for package, names in PHOTOS.items()
        for name in names
    }


def _load(package: str, name: str) -> np.ndarray:
    path = files(package).joinpath(name)
    if not path.is_file():
        raise FileNotFoundError(
            f'{path} is missing, though the wheels of scikit-image (0.21 or '
            'newer) and scikit-learn hold it: reinstall them with `pip '
            'install --force-reinstall scikit-image scikit-learn`'
        )
    with path.open('rb') as file:
        image = Image.open(file).convert('RGB')
    if max(image.size) > _LONGEST:
        image = image.reduce(2)
    return np.asarray(image)


def tile_corners(
    shape: tuple[int, int], size: int, stride: int, split: str
) -> list[tuple[int, int]]:
    """Corners of the tiles of a photograph.

    Training tiles lie in the left 65 % of the width, held-out tiles in the
    rest; no pixel is in both. Each part's first tile touches its upper left
    corner.

    Args:
        shape (tuple[int, int]): height and width of the photograph, in
            pixels.
        size (int): side of a tile, in pixels.
        stride (int): distance between neighbouring tiles, in pixels.
        split (str): 'train' or 'held_out'.

    Returns:
        list[tuple[int, int]]: (y, x) of the upper left corners, in pixels.

    Raises:
        ValueError: for any other split.
    """
    height, width = shape
    cut = round(_TRAIN_WIDTH * width)
    columns = {'train': (0, cut), 'held_out': (cut, width)}
    if split not in columns:
        raise ValueError(f'split must be one of {[*columns]}, got {split!r}')
    left, right = columns[split]
    return [
        (y, x)
        for y in range(0, height - size + 1, stride)
        for x in range(left, right - size + 1, stride)
    ]


@DATASETS.register_module()
class SamplePhotos(BaseDataset):
    """Tiles of the photographs inside scikit-image and scikit-learn.

    Each data info has ``img`` (a view of the photograph, RGB) and
    ``gt_label`` (which photograph). For a demonstration that needs no
    download; see ``tile_corners`` for the split.

    Args:
        split (str): 'train' or 'held_out'. Defaults to 'train'.
        size (int): side of a tile, in pixels. Defaults to 128.
        stride (int): distance between neighbouring tiles, in pixels.
            Defaults to 32.
    """

    def __init__(
        self, split: str = 'train', size: int = 128, stride: int = 32
    ) -> None:
        self.split = split
        self.size = size
        self.stride = stride
        photos = load_photos()
        self.photos = list(photos.values())
        super().__init__(ann_file='', classes=list(photos))

    def load_data_list(self) -> list[dict[str, Any]]:
        """Photograph and corner of each tile."""
        return [
            dict(gt_label=label, corner=corner)
            for label, photo in enumerate(self.photos)
            for corner in tile_corners(
                photo.shape[:2], self.size, self.stride, self.split
            )
        ]

    def get_data_info(self, idx: int) -> dict[str, Any]:
        """The data info of a tile with its pixels."""
        info = super().get_data_info(idx)
        y, x = info['corner']
        photo = self.photos[info['gt_label']]
        info['img'] = photo[y : y + self.size, x : x + self.size]
        return info
