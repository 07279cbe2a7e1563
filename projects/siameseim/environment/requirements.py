"""The packages siameseim works with, and the check made when it is imported.

``setup.py`` takes these ranges for pip. The lower ends were run together on
Python 3.10, but for the operators of mmcv 2.0: detection and segmentation ran
with mmcv 2.1.0. Before 2.6 torch loads checkpoints without refusing code in
them; before 2.4 it has no fused AdamW for the CPU. Before 10.1 Pillow cannot
tell whether an image is transparent; before 3.7 matplotlib has no legend
outside of the panels.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata


@dataclass(frozen=True)
class Range:
    """The supported versions: from ``lowest`` up to, not including, ``end``.

    Args:
        lowest: First supported version.
        end: First version that is too new. Defaults to None, no limit.
    """

    lowest: str
    end: str | None = None

    def __contains__(self, version: str) -> bool:
        if _release(version) < _release(self.lowest):
            return False
        return self.end is None or _release(version) < _release(self.end)

    def __str__(self) -> str:
        return f'>={self.lowest}' + (f',<{self.end}' if self.end else '')


def _release(version: str) -> tuple[int, ...]:
    """Return the numbers of a version: ``'2.14.1+cu130'`` -> (2, 14, 1).

    Trailing zeros are dropped, so that 2.1 and 2.1.0 are equal.
    """
    match = re.match(r'\d+(\.\d+)*', version)
    if match is None:
        raise ValueError(f'{version!r} is not a version number.')
    numbers = [int(part) for part in match.group().split('.')]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


PYTHON = Range('3.10')

# What pretraining and its evaluation import.
CORE = {
    'torch': Range('2.6'),
    'torchvision': Range('0.21'),
    'numpy': Range('1.23'),
    'mmengine': Range('0.10.7', '1.0.0'),
    'mmpretrain': Range('1.2.0', '1.3.0'),
    'opencv-python': Range('4.5'),
    'pillow': Range('10.1'),
    'scikit-image': Range('0.20'),
    'scikit-learn': Range('1.2'),
    'simplejpeg': Range('1.7'),
    'matplotlib': Range('3.7'),
    'tensorboard': Range('2.10'),
    # 82 has no pkg_resources, by which mmengine finds the stock configs that
    # a config inherits (`mmpretrain::...`). The lower end is pyproject.toml's.
    'setuptools': Range('64', '82'),
}

# What transfer to detection and segmentation imports on top.
DETECTION = {
    'mmdet': Range('3.3.0', '3.4.0'),
    'mmsegmentation': Range('1.2.2', '1.3.0'),
    'pycocotools': Range('2.0.7'),
    'lvis': Range('0.5.3'),
    'ftfy': Range('6.0'),
    'regex': Range('2022.1'),
}

# One library under two names: `mmcv` holds compiled operators, `mmcv-lite`
# does not. The upper end is that of mmdet 3.3 and mmsegmentation 1.2.
MMCV = Range('2.0.0', '2.2.0')
MMCV_NAMES = ('mmcv', 'mmcv-lite')

# Not needed, but mmpretrain 1.2 imports it where it is there, and newer ones
# make that import fail: GenerationMixin has left transformers.modeling_utils.
TRANSFORMERS = Range('4.28', '4.52')


def installed(name: str) -> str | None:
    """Return the installed version of a distribution, None if it is absent."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def require_stack() -> None:
    """Refuse an OpenMMLab stack that siameseim cannot work with.

    Raises:
        ImportError: Naming each package that is absent or out of range and
            the command that cures it.
    """
    problems = []
    for name in ('mmengine', 'mmpretrain'):
        version = installed(name)
        if version is None or version not in CORE[name]:
            problems.append(f'{name}{CORE[name]} (found: {version})')
    if not any((installed(name) or '0') in MMCV for name in MMCV_NAMES):
        problems.append(f'mmcv or mmcv-lite {MMCV}')
    transformers = installed('transformers')
    if transformers is not None and transformers not in TRANSFORMERS:
        problems.append(
            f'transformers{TRANSFORMERS} or none (found: {transformers}, '
            'which mmpretrain cannot be imported beside)'
        )
    if problems:
        raise ImportError(
            f'siameseim needs {"; ".join(problems)}. '
            '`python tools/doctor.py` in the project folder shows the whole '
            'stack, `make quickstart` installs one that works in .venv.'
        )
