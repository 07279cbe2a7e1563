"""The 15 corruptions of ImageNet-C, and its mean corruption error."""

import zlib
from collections.abc import Mapping, Sequence

import numpy as np
from mmcv.transforms import BaseTransform
from mmpretrain.registry import TRANSFORMS

SEVERITIES = (1, 2, 3, 4, 5)
# Errors of AlexNet, mean over the severities, by which ImageNet-C is
# normalised (https://arxiv.org/abs/1903.12261, table 5; the digits are those
# of the authors' repository, hendrycks/robustness).
ALEXNET_ERRORS = {
    'gaussian_noise': 0.886428,
    'shot_noise': 0.894468,
    'impulse_noise': 0.922640,
    'defocus_blur': 0.819880,
    'glass_blur': 0.826268,
    'motion_blur': 0.785948,
    'zoom_blur': 0.798360,
    'snow': 0.866816,
    'frost': 0.826572,
    'fog': 0.819324,
    'brightness': 0.564592,
    'contrast': 0.853204,
    'elastic_transform': 0.646056,
    'pixelate': 0.717840,
    'jpeg_compression': 0.606500,
}
# These draw from a generator of their own unless told a seed.
_SEEDED = ('impulse_noise', 'glass_blur')


def mean_corruption_error(errors: Mapping[str, Sequence[float]]) -> float:
    """Errors relative to AlexNet's, mean over the corruptions.

    For each corruption the sum of the errors over the severities is divided
    by AlexNet's; mCE is the mean of the 15 ratios. Papers report 1 - mCE too.

    Args:
        errors (Mapping[str, Sequence[float]]): error (0 to 1) at the five
            severities, by corruption.

    Returns:
        float: 1 for a model as bad as AlexNet.
    """
    ratios = [
        sum(errors[name]) / len(SEVERITIES) / alexnet
        for name, alexnet in ALEXNET_ERRORS.items()
    ]
    return sum(ratios) / len(ratios)


@TRANSFORMS.register_module()
class Corrupt(BaseTransform):
    """Corrupts an image as ImageNet-C was made, by ``imagecorruptions``.

    The same image file gets the same noise each time. Unlike the published
    set the result is not compressed as JPEG once more.

    Args:
        name (str): one of ``ALEXNET_ERRORS``.
        severity (int): 1 to 5.

    Raises:
        ValueError: for another name or severity.
        ImportError: if imagecorruptions-imaug is not installed.
    """

    def __init__(self, name: str, severity: int) -> None:
        if name not in ALEXNET_ERRORS or severity not in SEVERITIES:
            raise ValueError(
                f'corruption {name!r} of severity {severity} is unknown: '
                f'choose from {[*ALEXNET_ERRORS]}, severity 1 to 5'
            )
        try:
            from imagecorruptions import corrupt
        except ImportError as error:
            raise ImportError(
                'making corruptions needs: pip install imagecorruptions-imaug'
            ) from error
        self._corrupt = corrupt
        self.name = name
        self.severity = severity

    def transform(self, results: dict) -> dict:
        """Corrupt ``results['img']``, uint8 BGR of at least 32 pixels."""
        place = '/'.join(results['img_path'].split('/')[-2:])
        seed = zlib.crc32(f'{place} {self.name} {self.severity}'.encode())
        options = dict(seed=seed) if self.name in _SEEDED else {}
        state = np.random.get_state()
        np.random.seed(seed)
        try:
            rgb = np.ascontiguousarray(results['img'][..., ::-1])
            rgb = self._corrupt(
                rgb,
                corruption_name=self.name,
                severity=self.severity,
                **options,
            )
        finally:
            np.random.set_state(state)
        results['img'] = np.ascontiguousarray(rgb[..., ::-1])
        return results
