"""Memory that training ViTDet at 1024 pixels keeps, counted tensor by tensor.

Counted from the tensors that autograd stores for the backward pass, without
computing anything, so the numbers hold for any device.
"""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks

from siameseim.downstream import SiameseIMSimplePyramid, SiameseIMViTDet


def stored_gib(arch: str, dtype: torch.dtype, with_cp: bool) -> float:
    """What backbone and pyramid keep for one image, without parameters."""
    stored = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        stored[storage._cdata] = storage.nbytes()
        return tensor

    with FakeTensorMode(allow_non_fake_inputs=True):
        model = SiameseIMViTDet(arch, with_cp=with_cp, drop_path_rate=0.1)
        pyramid = SiameseIMSimplePyramid(model.embed_dims)
        parameters = [*model.parameters(), *pyramid.parameters()]
        images = torch.rand(1, 3, 1024, 1024)
        with (
            saved_tensors_hooks(pack, lambda tensor: tensor),
            torch.autocast(
                'cpu', torch.bfloat16, enabled=dtype == torch.bfloat16
            ),
        ):
            maps = pyramid(model(images))
    assert len(maps) == 5
    for parameter in parameters:
        stored.pop(parameter.untyped_storage()._cdata, None)
    return sum(stored.values()) / 2**30


slow = pytest.mark.slow


# The table of docs/detection.md.
@pytest.mark.parametrize(
    ('arch', 'dtype', 'with_cp', 'expected'),
    [
        ('base', torch.bfloat16, False, 2.25),
        ('base', torch.bfloat16, True, 0.39),
        pytest.param('base', torch.float32, False, 3.8, marks=slow),
        pytest.param('base', torch.float32, True, 0.57, marks=slow),
        pytest.param('large', torch.bfloat16, False, 5.6, marks=slow),
        pytest.param('large', torch.bfloat16, True, 0.67, marks=slow),
        pytest.param('large', torch.float32, False, 9.2, marks=slow),
        pytest.param('large', torch.float32, True, 0.85, marks=slow),
    ],
)
def test_activations_take_what_the_docs_tell(arch, dtype, with_cp, expected):
    counted = stored_gib(arch, dtype, with_cp)
    assert counted == pytest.approx(expected, rel=0.03)
