"""Packaging of siameseim; the source lies in ``projects/siameseim``."""

import sys
from pathlib import Path

from setuptools import find_packages, setup

# Not by `import siameseim`, which needs what is yet to be installed.
sys.path.insert(0, str(Path(__file__).resolve().parent / 'projects/siameseim'))

from environment.requirements import (  # noqa: E402
    CORE,
    DETECTION,
    PYTHON,
    TRANSFORMERS,
)
from version import __version__  # noqa: E402

del sys.path[0]


def ranged(*names: str) -> list[str]:
    """Return pip's texts of packages of ``DETECTION``."""
    return [f'{name}{DETECTION[name]}' for name in names]


# What conversion and feature files need beyond pretraining.
WEIGHTS = ['safetensors>=0.4', 'onnx>=1.16', 'onnxscript>=0.2', 'pyarrow>=15']
# imagecorruptions itself no longer runs with numpy 2; both packages bring the
# same module, so install one of them.
ROBUSTNESS = ['imagecorruptions-imaug>=1.1.5', 'timm>=1.0']
# Colour changes on the accelerator. kornia 0.9 is not for Python 3.10, and
# 0.8 makes the host wait for the device.
DEVICE = ['kornia>=0.9; python_version >= "3.11"']
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
    'timm>=1.0.26',  # older ones do not read folders of safetensors
    f'transformers{TRANSFORMERS}',
]

setup(
    name='siameseim',
    version=__version__,
    description='Siamese Image Modeling (SiameseIM) for OpenMMLab',
    license='Apache-2.0',
    python_requires=str(PYTHON),
    package_dir={'': 'projects'},
    packages=find_packages('projects', include=['siameseim', 'siameseim.*']),
    # mmcv and mmcv-lite are two builds of one package and must not lie side by
    # side, so neither is a requirement: tools/setup_env.py installs the one
    # that fits, and the import of siameseim names the cure when it is missing.
    install_requires=[f'{name}{known}' for name, known in CORE.items()],
    extras_require={
        'det': ranged('mmdet', 'pycocotools', 'lvis'),
        'device': DEVICE,
        'robust': ROBUSTNESS,
        'seg': ranged('mmsegmentation', 'ftfy', 'regex'),
        'weights': WEIGHTS,
        'dev': DEVELOPMENT,
    },
)
