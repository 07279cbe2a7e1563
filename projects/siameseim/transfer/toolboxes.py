"""Whether mmdet and mmseg can be used here."""

from importlib import import_module


def importable(toolbox: str) -> bool:
    """Whether a toolbox is installed, with an mmcv that it can use.

    Args:
        toolbox (str): 'mmdet' or 'mmseg'.
    """
    try:
        import_module(toolbox)
        import_module('mmcv.ops')  # which mmcv-lite does not have
    except (ImportError, AssertionError):
        # They refuse an mmcv they do not know with an AssertionError.
        return False
    return True
