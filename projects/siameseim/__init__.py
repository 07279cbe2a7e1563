"""SiameseIM as a plugin of mmpretrain.

Importing this package registers every component, so a config needs only
``custom_imports = dict(imports=['siameseim'], allow_failed_imports=False)``.
"""

from importlib import import_module
from warnings import catch_warnings, filterwarnings

from .environment.python314 import restore_find_loader
from .environment.requirements import require_stack
from .version import __version__

restore_find_loader()
require_stack()

with catch_warnings():
    # mmcv-lite, which is enough for pretraining, warns of what it lacks
    filterwarnings('ignore', message='Fail to import ``MultiScaleDeformable')
    for _part in (
        'models',
        'datasets',
        'engine',
        'checkpoints',
        'evaluation',
        'watch',
        'report',
        'layouts',
        'downstream',
        'detection',
        'segmentation',
        'weights',
    ):
        import_module(f'{__name__}.{_part}')

from .weights import convert_checkpoint, get_model  # noqa: E402

__all__ = ['__version__', 'convert_checkpoint', 'get_model']
