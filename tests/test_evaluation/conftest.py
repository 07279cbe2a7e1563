"""A tiny folder-per-class data set that a random network can tell apart."""

import numpy as np
import pytest
from PIL import Image

COLOURS = {'blue': (20, 40, 200), 'green': (30, 190, 40), 'red': (210, 30, 20)}


def write_classes(folder, per_class, seed, colours=COLOURS):
    """Noisy images, one colour and one folder for each class."""
    rng = np.random.default_rng(seed)
    for name, colour in colours.items():
        (folder / name).mkdir(parents=True)
        for i in range(per_class):
            noise = rng.integers(-20, 20, (40, 36, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(
                folder / name / f'{name}_{i}.png'
            )


@pytest.fixture(scope='session')
def colours(tmp_path_factory):
    """Folder with train (8 a class) and val (3 a class)."""
    folder = tmp_path_factory.mktemp('colours')
    write_classes(folder / 'train', 8, seed=0)
    write_classes(folder / 'val', 3, seed=1)
    return folder
