"""Settings that are shares or probabilities, such as 80 for 80 %."""

import pytest
from mmpretrain.registry import TRANSFORMS

from siameseim.errors import InputError

PROBABILITIES = ('jitter_prob', 'grey_prob', 'blur_prob', 'solarize_prob')
WIDTHS = ('brightness', 'contrast', 'saturation', 'hue')
PARTS = [
    *[(dict(type='ViewPhotometric', view=1), n) for n in PROBABILITIES],
    *[(dict(type='ViewPhotometric', view=1), n) for n in WIDTHS],
    (dict(type='TwoViews'), 'flip_prob'),
    (dict(type='BlockMask'), 'min_aspect'),
]


@pytest.mark.parametrize('value', [-0.1, 1.1, 80, '0.5', float('nan')])
@pytest.mark.parametrize(('part', 'name'), PARTS)
def test_what_is_no_fraction_is_refused(part, name, value):
    TRANSFORMS.build({**part, name: 1.0})
    said = f'^{name}={value!r} of {part["type"]} must be a fraction from 0 to'
    with pytest.raises(InputError, match=said):
        TRANSFORMS.build({**part, name: value})
