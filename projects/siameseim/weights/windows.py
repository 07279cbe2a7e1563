"""The windows of a ViTDet, which its tensors show only in part."""

import inspect
from typing import Any, NamedTuple

from torch import Tensor

from ..config_text import stored_settings
from ..downstream.vitdet import SiameseIMViTDet, ends_of_quarters

_BACKBONE = 'model.backbone'


class Windows(NamedTuple):
    """Their side in patches, and the blocks that see the whole map."""

    size: int
    global_blocks: tuple[int, ...]


def told_windows(
    tensors: dict[str, Tensor], num_layers: int, extra: dict[str, Any]
) -> Windows | None:
    """Look where a ``BackboneFile`` tells it: our notes, a run's config.

    None if it does not, or if its relative positions have other lengths.
    """
    meta = extra['meta']
    told = _from_notes(meta) or _from_config_text(meta.get('cfg'), num_layers)
    if told and all(
        side == {told.size}
        for block, side in _sides(tensors).items()
        if block not in told.global_blocks
    ):
        return told
    return None


def windows_by_length(tensors: dict[str, Tensor]) -> Windows:
    """Windows are square, and taken to be smaller than a square map.

    So blocks that are all global on a square map are taken for windows of
    its size, which gives the same features at this size, but not at others.
    """
    sides = _sides(tensors)
    # a block of two sides is global
    square = [min(s) for s in sides.values() if len(s) == 1]
    size = min(square, default=0)
    return Windows(size, tuple(i for i, s in sides.items() if s != {size}))


def _sides(tensors: dict[str, Tensor]) -> dict[int, set[int]]:
    """Patches that the relative positions of each block are for."""
    sides: dict[int, set[int]] = {}
    for name, table in tensors.items():
        if '.rel_pos_' in name:
            block = int(name.split('.')[1])
            sides.setdefault(block, set()).add((len(table) + 1) // 2)
    return sides


def _from_notes(meta: dict[str, Any]) -> Windows | None:
    """Our own notes in a converted file."""
    told = meta.get('windows')
    return told and Windows(told[0], tuple(told[1]))


def _from_config_text(text: Any, num_layers: int) -> Windows | None:
    """From the config that mmengine stores as text, without running it."""
    found = stored_settings(text)
    if 'SiameseIMViTDet' not in found.get(f'{_BACKBONE}.type', ''):
        return None
    usual = inspect.signature(SiameseIMViTDet).parameters['window_size']
    size = found.get(f'{_BACKBONE}.window_size', str(usual.default))
    listed = f'{_BACKBONE}.global_blocks'
    blocks = [v for k, v in found.items() if k.startswith(f'{listed}.')]
    if not all(map(str.isdecimal, [size, *blocks])):
        return None
    if not blocks and found.get(listed, 'None') == 'None':
        return Windows(int(size), tuple(ends_of_quarters(num_layers)))
    return Windows(int(size), tuple(map(int, blocks)))
