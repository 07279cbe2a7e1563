"""ViTDet against detectron2's tensors and against stock ViTSAM."""

import pytest
import torch
from mmpretrain.models import ViTSAM

from siameseim.downstream import SiameseIMSimplePyramid, SiameseIMViTDet
from siameseim.parity import vitdet
from siameseim.weights import PlainViT
from siameseim.weights.targets.openmmlab import vit_sam
from tests.vit_fixtures import SIZES, TINY, assert_near, tiny_vit


def test_backbone_and_pyramid_equal_detectron2(shared):
    file = shared / 'reference/reference_vitdet_a.pt'
    rows = vitdet.compare(torch.load(file, weights_only=True))
    assert [row.name for row in rows] == [
        'backbone feature',
        *(f'pyramid p{level}' for level in range(2, 7)),
    ]
    assert max(row.deviation for row in rows) < 1e-5


@pytest.mark.parametrize('window', [2, 3, 5])
@pytest.mark.parametrize('shape', [(16, 16), (24, 16), (12, 28)])
def test_windows_and_shapes_equal_stock_vit_sam(window, shape):
    ours = tiny_vit(
        SiameseIMViTDet,
        img_size=shape,
        window_size=window,
        global_blocks=[1, 3],
    )
    stock = ViTSAM(
        arch={**TINY, 'global_attn_indexes': [1, 3]},
        img_size=shape,
        patch_size=4,
        out_channels=0,
        window_size=window,
    )
    stock.eval()
    vit = PlainViT(ours.state_dict(), 2, ours.stored_positions)
    stock.load_state_dict(vit_sam(vit).state)
    images = torch.randn(2, 3, *shape)
    assert_near(ours(images)[0], stock(images)[0], atol=1e-5)


def test_another_input_size_interpolates_the_tables_as_vit_sam_does():
    stock = ViTSAM(
        arch={**TINY, 'global_attn_indexes': [0, 1, 2, 3]},
        img_size=(20, 12),
        patch_size=4,
        out_channels=0,
    )
    stock.eval()
    ours = tiny_vit(SiameseIMViTDet, global_blocks=range(4))
    state = ours.state_dict()
    vit = PlainViT(state, 2, ours.stored_positions)
    stock.load_state_dict(vit_sam(vit.resized((20, 12))).state)
    other = tiny_vit(
        SiameseIMViTDet, img_size=(20, 12), global_blocks=range(4)
    )
    other.load_state_dict(state)
    images = torch.randn(1, 3, 20, 12)
    assert_near(other(images)[0], stock(images)[0], atol=1e-5)
    assert_near(ours(images)[0], stock(images)[0], atol=1e-5)


@pytest.mark.parametrize(
    ('depth', 'blocks'),
    [
        (12, [2, 5, 8, 11]),
        (24, [5, 11, 17, 23]),
        (32, [7, 15, 23, 31]),
        (10, [2, 4, 7, 9]),  # quarters end after 2.5, 5, 7.5 and 10 blocks
        (7, [1, 3, 5, 6]),  # 1.75, 3.5, 5.25, 7
        (6, [1, 2, 4, 5]),
        (5, [1, 2, 3, 4]),
        (4, [0, 1, 2, 3]),
        (3, [0, 1, 2]),
        (1, [0]),
    ],
)
def test_global_blocks_default_to_the_end_of_each_quarter(depth, blocks):
    arch = {**TINY, 'num_layers': depth}
    layers = SiameseIMViTDet(**{**SIZES, 'arch': arch}).layers
    assert [i for i, b in enumerate(layers) if not b.attn.window] == blocks


@pytest.mark.parametrize('blocks', [[3, 4], [-1]])
def test_global_blocks_that_do_not_exist_raise(blocks):
    with pytest.raises(ValueError, match=rf'blocks are 0 to 3.*{blocks[-1]}'):
        SiameseIMViTDet(**SIZES, global_blocks=blocks)


def test_checkpointing_and_freezing_reach_the_new_attention():
    gradients = []
    for with_cp in (False, True):
        model = tiny_vit(SiameseIMViTDet, with_cp=with_cp, frozen_stages=1)
        model.train()
        model(torch.ones(1, 3, 16, 16))[0].square().sum().backward()
        gradients.append(
            {n: p.grad for n, p in model.named_parameters() if p.requires_grad}
        )
    assert 'layers.0.attn.rel_pos_h' not in gradients[0]
    assert gradients[0]['layers.1.attn.rel_pos_h'].abs().max() > 0
    torch.testing.assert_close(*gradients)


def test_frozen_blocks_are_frozen_before_the_optimizer_is_built():
    model = SiameseIMViTDet(**SIZES, frozen_stages=1)
    assert not model.layers[0].attn.rel_pos_h.requires_grad
    assert model.layers[1].attn.rel_pos_h.requires_grad


def test_drop_path_drops_whole_images_not_windows():
    model = tiny_vit(SiameseIMViTDet, drop_path_rate=0.5, window_size=2)
    attention = model.layers[-2].attn
    attention.out_drop.train()
    torch.manual_seed(0)
    dropped = attention(torch.randn(64, 4, 4, 16)).flatten(1) == 0
    assert torch.equal(dropped.all(1), dropped.any(1))
    assert 5 < dropped.all(1).sum() < 40


def test_pyramid_levels_have_the_strides_of_a_resnet():
    pyramid = SiameseIMSimplePyramid(16, out_channels=8)
    levels = pyramid([torch.zeros(1), torch.randn(1, 16, 6, 4)])
    assert [tuple(level.shape[1:]) for level in levels] == [
        (8, 24, 16),
        (8, 12, 8),
        (8, 6, 4),
        (8, 3, 2),
        (8, 2, 1),
    ]


def test_other_pyramid_norms_are_refused(shared):
    file = shared / 'reference/reference_vitdet_a.pt'
    contents = torch.load(file, weights_only=True)
    contents['config']['pyramid_norm'] = 'BN'
    with pytest.raises(ValueError, match="'BN'"):
        vitdet.compare(contents)


@pytest.mark.gpu
def test_a_gpu_gives_the_features_and_gradients_of_the_cpu():
    vit = tiny_vit(SiameseIMViTDet, window_size=3, global_blocks=[1, 3])
    images = torch.randn(2, 3, 16, 24)
    found = {}
    for device in ('cpu', 'cuda'):
        vit = vit.to(device).train()
        vit.zero_grad()
        (features,) = vit(images.to(device))
        features.square().mean().backward()
        found[device] = [
            features.detach().cpu(),
            vit.layers[0].attn.rel_pos_h.grad.cpu(),
        ]
    for ours, theirs in zip(found['cuda'], found['cpu'], strict=True):
        assert_near(ours, theirs, atol=1e-4)
