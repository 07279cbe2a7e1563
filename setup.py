"""Packaging of siameseim; the source lies in ``projects/siameseim``."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).resolve().parent


def read_version() -> str:
    """Return the version written in ``version.py`` without importing it."""
    text = (ROOT / 'projects/siameseim/version.py').read_text('utf-8')
    match = re.search(r"__version__ = '([^']+)'", text)
    if match is None:
        raise ValueError("version.py holds no line __version__ = '...'.")
    return match.group(1)


# mmcv and mmcv-lite are two builds of one package and must not lie side by
# side, so neither is a requirement here: tools/setup_env.py installs the one
# that fits, and the import of siameseim names the cure when it is missing.
DETECTION = ['lvis>=0.5.3', 'mmdet>=3.3.0,<3.4.0', 'pycocotools>=2.0.7']
SEGMENTATION = ['mmsegmentation>=1.2.2,<1.3.0', 'ftfy>=6.0', 'regex>=2022.1']
# What conversion and feature files need beyond pretraining.
WEIGHTS = ['safetensors>=0.4', 'onnx>=1.16', 'onnxscript>=0.2', 'pyarrow>=15']
# imagecorruptions itself no longer runs with numpy 2; both packages bring the
# same module, so install one of them.
ROBUSTNESS = ['imagecorruptions-imaug>=1.1.5', 'timm>=1.0']
DEVICE = ['kornia>=0.9']  # colour changes on the accelerator
DEVELOPMENT = [
    'codespell',
    *DEVICE,
    'lmdb>=1.4',
    'mypy',
    'onnxruntime',
    'playwright>=1.40',
    'pre-commit',
    'pytest>=8',
    'pytest-xdist>=3',
    'ruff',
    'timm>=1.0',
    # mmpretrain 1.2 cannot be imported beside newer ones
    'transformers>=4.28,<4.52',
]
# The lower ends were run together on Python 3.10. Before 2.6 torch loads
# checkpoints without refusing code in them; before 2.4 it has no fused AdamW
# for the CPU. Before 10.1 Pillow cannot tell whether an image is transparent.

setup(
    name='siameseim',
    version=read_version(),
    description='Siamese Image Modeling (SiameseIM) for OpenMMLab',
    license='Apache-2.0',
    python_requires='>=3.10',
    package_dir={'': 'projects'},
    packages=find_packages('projects', include=['siameseim', 'siameseim.*']),
    install_requires=[
        'matplotlib>=3.6',
        'mmengine>=0.10.7,<1.0.0',
        'mmpretrain>=1.2.0,<1.3.0',
        'numpy>=1.23',
        'opencv-python>=4.5',
        'pillow>=10.1',
        'scikit-image>=0.20',
        'scikit-learn>=1.2',
        'simplejpeg>=1.7',
        'tensorboard>=2.10',
        'torch>=2.6',
        'torchvision>=0.21',
    ],
    extras_require={
        'det': DETECTION,
        'device': DEVICE,
        'robust': ROBUSTNESS,
        'seg': SEGMENTATION,
        'weights': WEIGHTS,
        'dev': DEVELOPMENT,
    },
)
