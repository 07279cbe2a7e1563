"""All random number generators of a process as plain tensors."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

# Python's generator keeps a spare Gaussian draw or None; this stands for it.
_NO_SPARE = float('nan')


def get_rng_state() -> dict[str, Tensor]:
    """State of Python's, NumPy's and PyTorch's generators.

    Returns:
        dict[str, Tensor]: CPU tensors, so that a checkpoint that holds them
        can be loaded without unpickling objects. 'cuda' is the generator of
        the current device and there only with CUDA.
    """
    version, words, spare = random.getstate()
    numpy_state: Any = np.random.get_state()
    _, keys, position, has_spare, numpy_spare = numpy_state
    state = {
        'python': torch.tensor([version, *words]),
        'python_spare': torch.tensor(
            _NO_SPARE if spare is None else spare, dtype=torch.float64
        ),
        'numpy': torch.tensor([*keys.tolist(), position, has_spare]),
        'numpy_spare': torch.tensor(numpy_spare, dtype=torch.float64),
        'torch': torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state['cuda'] = torch.cuda.get_rng_state()
    return state


def set_rng_state(state: dict[str, Tensor]) -> None:
    """Bring all generators into a state that ``get_rng_state`` returned."""
    state = {name: value.cpu() for name, value in state.items()}
    version, *words = state['python'].tolist()
    spare = state['python_spare'].item()
    random.setstate(
        (version, tuple(words), None if np.isnan(spare) else spare)
    )
    *words, position, has_spare = state['numpy'].tolist()
    keys, spare = np.array(words, np.uint32), state['numpy_spare'].item()
    np.random.set_state(('MT19937', keys, position, has_spare, spare))
    torch.set_rng_state(state['torch'])
    if 'cuda' in state and torch.cuda.is_available():
        torch.cuda.set_rng_state(state['cuda'])


@contextmanager
def rng_kept() -> Iterator[None]:
    """Afterwards all generators are in the state that they have now."""
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
