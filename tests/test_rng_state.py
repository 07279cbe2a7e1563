"""All random generators return to a saved state."""

import random

import numpy as np
import torch

from siameseim.rng_state import get_rng_state, set_rng_state


def draw():
    return (
        random.random(),
        random.gauss(0, 1),  # every second draw uses up a spare value
        np.random.rand(),
        np.random.randn(),
        torch.rand(3).tolist(),
    )


def test_draws_repeat_after_restoring():
    random.gauss(0, 1)
    np.random.randn()
    state = get_rng_state()
    first = [draw() for _ in range(3)]
    set_rng_state(state)
    assert [draw() for _ in range(3)] == first
