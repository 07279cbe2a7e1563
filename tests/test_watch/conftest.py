"""The fixtures that start tools/train.py, and two classes of colours."""

import numpy as np
import pytest
from PIL import Image

from tests.test_train.conftest import (  # noqa: F401
    config,
    images,
    on_cpu,
    start,
    told,
    train,
)


def write_colours(root, strength):
    """Noisy images in train and val; red and blue are the classes."""
    rng = np.random.default_rng(0)
    for split in ('train', 'val'):
        for channel, name in ((0, 'red'), (2, 'blue')):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(13):
                pixels = rng.integers(0, 90, (40, 40, 3), np.uint8)
                pixels[..., channel] += strength
                Image.fromarray(pixels).save(folder / f'{i}.png')
    return root


@pytest.fixture(scope='session')
def colours(tmp_path_factory):
    return write_colours(tmp_path_factory.mktemp('colours'), 150)
