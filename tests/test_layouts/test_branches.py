"""What one branch of a file holds, and what its blocks lack."""

import pytest
import torch

from siameseim.errors import InputError
from siameseim.layouts.load_backbone import load_pretrained
from siameseim.models import SiameseIMViT
from siameseim.weights.reading import read_vit
from tests.vit_fixtures import SIZES, assert_same, prefixed, saved, tiny_vit


@torch.no_grad()
def test_a_file_without_qkv_biases_computes_the_same(tmp_path, log):
    source = tiny_vit(qkv_bias=False)
    model = SiameseIMViT(**SIZES).eval()
    load_pretrained(model, saved(tmp_path / 'f', source.state_dict()))
    images = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(model.encode(images), source.encode(images))
    assert log[-1] == '4 absent qkv biases set to zero'


def test_a_model_with_layer_scales_takes_those_of_the_file(tmp_path):
    source = tiny_vit(layer_scale_init_value=0.1)
    model = SiameseIMViT(**SIZES, layer_scale_init_value=0.1)
    load_pretrained(model, saved(tmp_path / 'f', source.state_dict()))
    assert_same(model.state_dict(), source.state_dict())


@torch.no_grad()
@pytest.mark.parametrize('branch', ['online', 'target'])
def test_a_branch_with_a_norm_before_its_blocks(branch, tmp_path, log):
    """Fits the backbone that has it, whatever the other branch holds."""
    online, target = (tiny_vit(pre_norm=True, seed=seed) for seed in (1, 2))
    state = {
        **prefixed('backbone.', online.state_dict()),
        **prefixed('target.backbone.', target.state_dict()),
    }
    file = saved(tmp_path / 'f', state)
    model = SiameseIMViT(**SIZES, pre_norm=True).eval()
    load_pretrained(model, file, branch)
    images = torch.randn(2, 3, 16, 16)
    wanted = target if branch == 'target' else online
    torch.testing.assert_close(model.encode(images), wanted.encode(images))
    with pytest.raises(InputError, match='no place for pre_norm.bias, pre_no'):
        load_pretrained(SiameseIMViT(**SIZES), file, branch)


@pytest.mark.parametrize('branch', ['online', 'target'])
def test_only_the_branch_that_is_read_must_be_plain(branch, tmp_path):
    names = dict(online='backbone.', target='target.backbone.')
    state = {}
    for of, prefix in names.items():
        state |= prefixed(prefix, tiny_vit(pre_norm=of != branch).state_dict())
    file = saved(tmp_path / 'f.pth', state)
    read_vit(file, branch, num_heads=2)
    other = next(of for of in names if of != branch)
    with pytest.raises(ValueError, match=r"no plain.*has \['pre_norm.bias', "):
        read_vit(file, other, num_heads=2)


@pytest.mark.parametrize(
    ('name', 'target'),
    [
        ('MoCo v3', 'momentum_encoder.module.0.'),
        ('BYOL', 'target_net.module.0.'),
    ],
)
def test_branches_of_other_methods(name, target, tmp_path, log):
    online, moved = tiny_vit().state_dict(), tiny_vit().state_dict()
    moved = {key: value + 1 for key, value in moved.items()}
    state = prefixed('backbone.', online) | prefixed(target, moved)
    file = saved(tmp_path / 'f.pth', {'state_dict': state, 'meta': {}})
    for branch, wanted in (('online', online), ('target', moved)):
        model = SiameseIMViT(**SIZES)
        load_pretrained(model, file, branch)
        found = model.layers[0].attn.qkv.weight
        assert torch.equal(found, wanted['layers.0.attn.qkv.weight'])
        assert any(f'(mmpretrain {name}, {branch} br' in line for line in log)
