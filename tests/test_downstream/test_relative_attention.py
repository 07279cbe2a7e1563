"""Attention against a slow loop over every query and key."""

import pytest
import torch

from siameseim.downstream.relative_attention import RelativeAttention
from tests.plain_siameseim import Plain
from tests.vit_fixtures import prefixed
from tests.vitdet_loop import attend, attend_in_windows


def slow_attention(attention, x):
    """One image after the other, in float64."""
    plain = Plain({}, prefixed('attn.', attention.state_dict()))
    given = plain, 'attn', attention.num_heads
    if attention.window:
        maps = [
            attend_in_windows(one, *given, attention.window)
            for one in x.double()
        ]
    else:
        maps = [attend(one, *given) for one in x.double()]
    return torch.stack(maps).float()


@pytest.mark.parametrize(
    ('shape', 'window'),
    [
        ((3, 4), None),
        ((4, 2), None),  # the tables are interpolated
        ((3, 4), 2),  # the last row of windows is padded
        ((1, 6), 2),
    ],
)
def test_it_equals_the_loop(shape, window):
    torch.manual_seed(0)
    attention = RelativeAttention(8, 2, grid=(3, 4), window=window)
    for parameter in attention.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    x = torch.randn(2, *shape, 8)
    torch.testing.assert_close(attention(x), slow_attention(attention, x))
