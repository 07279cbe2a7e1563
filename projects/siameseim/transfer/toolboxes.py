"""Whether mmdet and mmseg can be used here."""

from importlib import import_module


def importable(toolbox: str) -> bool:
    """Whether a toolbox is installed and accepts the installed mmcv.

    Args:
        toolbox (str): 'mmdet' or 'mmseg'.
    """
    try:
        import_module(toolbox)
    except (ImportError, AssertionError):
        # They refuse an mmcv they do not know with an AssertionError.
        return False
    return True
