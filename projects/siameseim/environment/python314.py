"""What mmengine 0.10 and mmcv 2.1 call and Python 3.14 no longer has."""

import pkgutil
from importlib.abc import Loader
from importlib.util import find_spec


def restore_find_loader() -> None:
    """Give ``pkgutil`` its ``find_loader`` back, if it has none.

    Every Runner on a CPU asks it whether mmcv has compiled operators.
    """
    vars(pkgutil).setdefault('find_loader', find_loader)


def find_loader(name: str) -> Loader | None:
    """Return what would load a module, None if there is no such module.

    Args:
        name: Of the module; a package that it lies in is imported.
    """
    spec = find_spec(name)
    return None if spec is None else spec.loader
