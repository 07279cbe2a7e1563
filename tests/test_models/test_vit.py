"""The backbone alone, as mmpretrain and its users see it."""

import pytest
import torch
from mmpretrain.models import VisionTransformer
from mmpretrain.registry import MODELS
from torch.testing import assert_close

from siameseim.errors import InputError
from siameseim.models import SiameseIMViT
from siameseim.models.position import grid_sincos

ARCH = dict(embed_dims=16, num_layers=3, num_heads=2, feedforward_channels=32)


def backbone(**kwargs) -> SiameseIMViT:
    torch.manual_seed(0)
    cfg = dict(type='SiameseIMViT', arch=ARCH, img_size=16, patch_size=4)
    model = MODELS.build({**cfg, **kwargs})
    model.init_weights()
    model.eval()  # returns None in mmpretrain
    return model


@pytest.mark.parametrize('width', [16, 24])
@pytest.mark.parametrize(
    'options',
    [
        dict(out_type='raw', out_indices=[0, 2]),
        dict(out_type='cls_token', out_indices=[0, 2]),
        dict(out_type='featmap', out_indices=[0, 2], pre_norm=True),
        dict(out_type='raw', interpolate_mode='bilinear'),
    ],
)
def test_without_mask_it_equals_the_stock_vit_with_its_weights(options, width):
    """With learned positions, on inputs of its own and of another size."""
    ours = backbone(**options)
    options = {**options, 'final_norm': False}
    stock = VisionTransformer(ARCH, img_size=16, patch_size=4, **options)
    state = ours.state_dict()
    weights = {n: 0.3 * torch.randn_like(w) for n, w in state.items()}
    for model in (ours, stock):
        model.load_state_dict(weights)
        model.eval()
    x = torch.randn(2, 3, 16, width)
    assert_close(ours(x), stock(x))


def test_all_tokens_are_dropped_out_before_the_first_block():
    model = backbone(drop_rate=0.5, final_norm=True)
    model.layers = torch.nn.ModuleList()
    model.ln1 = torch.nn.Identity()
    x = torch.randn(2, 3, 16, 16)
    kept = model.encode(x)
    dropped = model.train().encode(x)
    zero = dropped == 0
    assert 0.3 < zero[:, 0].float().mean() < 0.7
    assert 0.4 < zero[:, 1:].float().mean() < 0.6
    assert_close(dropped, torch.where(zero, 0, 2 * kept))


def test_visible_tokens_equal_attention_among_them_alone():
    model = backbone()
    x = torch.randn(2, 3, 16, 16)
    visible = torch.tensor([[0, 5, 11], [2, 3, 15]])
    tokens = model(x, visible)
    for image in range(2):
        patches = model.patch_embed(x[image : image + 1])[0][0]
        rows = patches + grid_sincos((4, 4), 16)[0]
        row = torch.cat([model.cls_token[0], rows[visible[image]]])[None]
        for layer in model.layers:
            row = layer(row)
        assert_close(tokens[image], row[0])


def test_all_patches_visible_equals_no_mask():
    model = backbone()
    x = torch.randn(2, 3, 16, 16)
    everything = torch.arange(16).expand(2, -1)
    assert_close(model(x, everything), model.encode(x))


@pytest.mark.parametrize(
    ('name', 'width', 'depth', 'heads'),
    [
        ('tiny', 192, 12, 3),
        ('small', 384, 12, 6),
        ('base', 768, 12, 12),
        ('large', 1024, 24, 16),
        ('huge', 1280, 32, 16),
    ],
)
def test_sizes_are_those_of_the_field(name, width, depth, heads):
    arch = SiameseIMViT.arch_zoo[name]
    assert (
        arch['embed_dims'],
        arch['num_layers'],
        arch['num_heads'],
        arch['feedforward_channels'],
    ) == (width, depth, heads, 4 * width)


def test_no_final_norm_by_default_and_a_frozen_patch_embedding():
    model = backbone()
    assert not any(name.startswith('ln1') for name in model.state_dict())
    assert not any(p.requires_grad for p in model.patch_embed.parameters())


@pytest.mark.parametrize(
    ('arch', 'said'),
    [
        ('smal', r"'smal' .*did you mean small\?"),
        (5, '5 of the backbone is not known'),
        ({**ARCH, 'embed_dim': 16}, r'arch.embed_dim .*mean embed_dims\?'),
        ({'embed_dims': 16}, 'num_layers=None .*whole number'),
        ({**ARCH, 'num_layers': 'two'}, "num_layers='two'"),
        ({**ARCH, 'num_heads': 3}, 'num_heads=3 .*divide its embed_dims=16'),
        ({**ARCH, 'num_heads': 0}, 'num_heads=0 .*from 1 on'),
    ],
)
def test_sizes_that_cannot_be_are_refused(arch, said):
    with pytest.raises(InputError, match=said):
        backbone(arch=arch)
