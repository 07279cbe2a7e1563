"""Loading mmengine checkpoints without running code that they carry.

mmengine 0.10.7 calls ``torch.load`` as it was before torch 2.6, which since
then refuses everything but tensors and plain values. Checkpoints of the stock
hooks also hold log histories and NumPy numbers, published files the arguments
of their program. This module names exactly those types as safe; anything else
is still refused.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import checkpoint

from ..layouts.safe_load import unreadable_explained

_HISTORY_METHODS = ('min', 'max', 'current', 'mean')


def history_method(owner: object, name: str) -> object:
    """Stand-in for ``getattr``: the four statistics of ``HistoryBuffer``.

    A pickled ``HistoryBuffer`` refers to them by ``getattr``, which itself
    must not be allowed: with it a file could reach any function.

    Raises:
        AttributeError: for anything else.
    """
    if owner is not HistoryBuffer or name not in _HISTORY_METHODS:
        raise AttributeError(f'refused to load {name!r} of {owner!r}')
    return getattr(HistoryBuffer, name)


def allow_mmengine_checkpoints() -> None:
    """Let ``torch.load`` accept what stock and published checkpoints hold."""
    numbers = (np.float64, np.float32, np.int64, np.int32, np.bool_)
    scalar: Any = np.float64(0).__reduce__()[0]
    rebuild: Any = np.empty(0).__reduce__()[0]
    torch.serialization.add_safe_globals(
        [
            HistoryBuffer,
            argparse.Namespace,  # of published files
            (history_method, 'builtins.getattr'),
            np.ndarray,
            np.dtype,
            *{type(np.dtype(number)) for number in numbers},
            # NumPy 2 moved these two; files name them either way.
            (scalar, 'numpy.core.multiarray.scalar'),
            (scalar, 'numpy._core.multiarray.scalar'),
            (rebuild, 'numpy.core.multiarray._reconstruct'),
            (rebuild, 'numpy._core.multiarray._reconstruct'),
        ]
    )


def name_unreadable_checkpoints() -> None:
    """Have mmengine name a local file that is damaged, and the cure.

    Of one that was cut short torch says 'Invalid argument', and no name.
    """
    stock = checkpoint.load_from_local

    def load_from_local(filename: str, map_location: Any) -> dict[str, Any]:
        path = Path(filename).expanduser()
        if not path.is_file():
            return stock(filename, map_location)  # which says so
        cure = '. A run goes on from an earlier one with --resume FILE'
        with unreadable_explained(path, cure):
            return stock(filename, map_location)

    checkpoint.CheckpointLoader.register_scheme(
        prefixes='', loader=load_from_local, force=True
    )
