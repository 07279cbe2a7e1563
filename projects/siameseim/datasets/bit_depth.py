"""A warning of 16-bit images that use the lower bits only."""

import contextlib

import numpy as np
from mmengine.dataset import BaseDataset
from PIL import Image

from ..log import warn
from .image_folder import printable

_LOOKED_AT = 4  # images of a data set: their pixels are decoded for it
_TWELVE_BITS = 4095


def warn_of_low_bits(dataset: BaseDataset) -> None:
    """Say so where 16-bit files hold 12 bits or less: they are nearly black.

    Few images are looked at, so a dark one may hide among them, but a data
    set whose images are all so dark is seen.

    Args:
        dataset (BaseDataset): fully initialised; files in archives are not
            looked at.
    """
    brightest: tuple[int, str] = -1, ''
    for place in {*np.linspace(0, len(dataset) - 1, _LOOKED_AT, dtype=int)}:
        path = str(dataset.get_data_info(int(place)).get('img_path'))
        # what cannot be read is named when its turn comes
        with contextlib.suppress(Exception), Image.open(path) as image:
            if image.mode.startswith('I;16'):
                value = int(np.asarray(image).max())
                brightest = max(brightest, (value, path))
    value, path = brightest
    if 0 <= value <= _TWELVE_BITS:
        warn(
            f'of the 16-bit images that were looked at {printable(path)} is '
            f'the brightest, with {value} of 65535: only the upper eight '
            'bits reach the network, so they are nearly black there. If '
            'they hold 12 bits, as cameras write them, multiply the pixels '
            'by 16 or write 8-bit images'
        )
