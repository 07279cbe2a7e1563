"""Registration in the toolboxes that are installed."""

from importlib import import_module
from typing import TypeVar

_Class = TypeVar('_Class', bound=type)


def register_in_toolboxes(
    module: _Class, registry: str = 'MODELS', name: str | None = None
) -> _Class:
    """Make a class known to mmdet and mmseg, as far as they are installed.

    Args:
        module (type): class to register.
        registry (str): name of the toolboxes' registry.
            Defaults to 'MODELS'.
        name (str, optional): name in configs. Defaults to None: the class's.
    """
    for toolbox in ('mmdet', 'mmseg'):
        try:
            registries = import_module(f'{toolbox}.registry')
        except (ImportError, AssertionError):
            # Absent, or it refuses the installed mmcv (an AssertionError).
            # Who does not use it must not be stopped; who does will be told
            # by the toolbox itself.
            continue
        getattr(registries, registry).register_module(name=name, module=module)
    return module
