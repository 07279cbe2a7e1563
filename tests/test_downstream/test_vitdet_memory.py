"""Memory that training ViTDet at 1024 pixels keeps, counted tensor by tensor.

Counted from the tensors that autograd stores for the backward pass, without
computing anything, so the numbers hold for any device.
"""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks

from siameseim.downstream import SiameseIMSimplePyramid, SiameseIMViTDet


def stored_megabytes(with_cp: bool) -> float:
    """What backbone and pyramid keep for one image, ViT-B, bf16 autocast."""
    stored = {}

    def pack(tensor):
        storage = tensor.untyped_storage()
        stored[storage._cdata] = storage.nbytes()
        return tensor

    with FakeTensorMode(allow_non_fake_inputs=True):
        model = SiameseIMViTDet('base', with_cp=with_cp, drop_path_rate=0.1)
        pyramid = SiameseIMSimplePyramid(model.embed_dims)
        parameters = [*model.parameters(), *pyramid.parameters()]
        images = torch.rand(1, 3, 1024, 1024)
        with (
            saved_tensors_hooks(pack, lambda tensor: tensor),
            torch.autocast('cpu', torch.bfloat16),
        ):
            maps = pyramid(model(images))
    assert len(maps) == 5
    for parameter in parameters:
        stored.pop(parameter.untyped_storage()._cdata, None)
    return sum(stored.values()) / 2**20


@pytest.mark.parametrize(('with_cp', 'limit'), [(False, 2500), (True, 450)])
def test_activations_stay_within_the_counted_memory(with_cp, limit):
    assert limit / 2 < stored_megabytes(with_cp) < limit
