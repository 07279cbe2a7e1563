"""Parts of mmdet and mmseg, imported when these are first used."""

from importlib import import_module

from mmengine.registry import Registry


def register_when_used(toolbox: str, *parts: str) -> None:
    """Import modules as soon as a registry of the toolbox is asked.

    Pretraining has no use for a detector: it should not stop where mmcv's
    operators cannot be imported. mmengine's registries import what they hold
    at the first question; this adds to the toolbox's lists.

    Args:
        toolbox (str): 'mmdet' or 'mmseg'; nothing is done where it is absent
            or refuses the installed mmcv.
        *parts (str): modules that register our parts in its registries.
    """
    try:
        registries = import_module(f'{toolbox}.registry')
    except (ImportError, AssertionError):
        # They refuse an mmcv they do not know with an AssertionError.
        return
    for registry in vars(registries).values():
        # mmengine's own registries lie in that module too; those without
        # locations share one list.
        own = isinstance(registry, Registry) and registry.scope == toolbox
        if not own or not registry._locations:
            continue
        if registry._imported:  # the question was asked before
            for part in parts:
                import_module(part)
        registry._locations = [*registry._locations, *parts]
