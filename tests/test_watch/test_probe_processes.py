"""The online probe of two processes is one probe."""

import pytest
import torch
from torch.testing import assert_close

from siameseim.watch import OnlineProbeHook
from tests.model_fixtures import tiny_model
from tests.two_processes import run_in_two

LABELS = torch.tensor([0, 1, 2, 0, 1, 2, 0, 1])
TOKENS = torch.randn(8, 4, 16, generator=torch.Generator().manual_seed(0))


def after_one_step(rank):
    """Each process has its own half of the images."""
    hook = OnlineProbeHook(enabled=True, lr=0.1)
    hook.build(tiny_model(), LABELS)
    own = slice(4 * rank, 4 * rank + 4)
    hook.learn(TOKENS[own], torch.arange(8)[own])
    return dict(
        weight=hook.linear.weight.detach(), bias=hook.linear.bias.detach()
    )


def gradient_by_hand(rows, labels):
    """Of the mean cross-entropy at zero weights: every class has 1/3."""
    standard = (rows - rows.mean(0)) / (rows.var(0, unbiased=False)).sqrt()
    errors = torch.full((len(rows), 3), 1 / 3)
    errors[torch.arange(len(rows)), labels] -= 1
    return errors.T @ standard / len(rows)


@pytest.mark.slow
def test_both_step_along_the_mean_of_their_gradients():
    first, second = run_in_two(after_one_step)
    assert_close(first, second, rtol=0, atol=0)
    halves = [
        gradient_by_hand(TOKENS[half].mean(1), LABELS[half])
        for half in (slice(0, 4), slice(4, 8))
    ]
    gradient = (halves[0] + halves[1]) / 2
    # the first step of AdamW is as long as the rate, whatever the gradient
    clear = gradient.abs() > 1e-3
    assert clear.float().mean() > 0.9
    expected = -0.1 * gradient.sign()
    assert_close(first['weight'][clear], expected[clear], rtol=1e-3, atol=0)
