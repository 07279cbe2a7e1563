"""check_parity of ViTDet on many shapes, judged by a plain loop."""

import numpy as np
import pytest
import torch

from siameseim.parity import compare_file
from tests.vitdet_loop import (
    backbone_of_one,
    distance_row,
    pyramid_of,
    reference_file,
)

BASE = dict(
    img_size=64,
    patch_size=8,
    embed_dim=16,
    depth=4,
    num_heads=2,
    window_size=3,
    global_attention_blocks=[1, 3],
    pretrain_img_size=32,
    out_channels=8,
    scale_factors=(4.0, 2.0, 1.0, 0.5),
    pyramid_norm='LN',
    ln_eps=1e-6,
)
# name -> (changes of the config, height and width of the input, mlp ratio,
# whether the positions have a row for a cls token)
CASES = {
    'as the reference': ({}, (64, 64), 4, True),
    'twice the size': (dict(img_size=128), (128, 128), 4, True),
    'size of pretraining': (dict(img_size=32), (32, 32), 4, True),
    'landscape': ({}, (40, 88), 4, True),
    'portrait, one row of windows': (dict(window_size=5), (72, 24), 4, True),
    'smaller than made for': (dict(img_size=96), (48, 64), 4, True),
    'windows fit the grid': (dict(window_size=4), (64, 64), 4, True),
    'windows of one patch': (dict(window_size=1), (32, 40), 4, True),
    'windows wider than the grid': (dict(window_size=14), (64, 64), 4, True),
    'no windows': (dict(window_size=0), (40, 64), 4, True),
    'windows only': (dict(global_attention_blocks=[]), (64, 64), 4, True),
    'all blocks global': (
        dict(global_attention_blocks=[0, 1, 2, 3]), (64, 64), 4, True
    ),
    'other width, depth, heads': (
        dict(embed_dim=36, depth=6, num_heads=3,
             global_attention_blocks=[2, 5]), (64, 64), 3, True
    ),
    'one head': (dict(embed_dim=20, num_heads=1), (64, 48), 2, True),
    'patches of 16': (
        dict(patch_size=16, img_size=128, pretrain_img_size=64),
        (128, 96), 4, True
    ),
    'patches of 12': (
        dict(patch_size=12, img_size=72, pretrain_img_size=48),
        (72, 60), 4, True
    ),
    'patches of 14': (
        dict(patch_size=14, img_size=84, pretrain_img_size=56),
        (84, 84), 4, True
    ),
    'positions without cls': ({}, (64, 64), 4, False),
    'other norms in the blocks': (dict(ln_eps=1e-3), (64, 64), 4, True),
    'three levels': (dict(scale_factors=(2.0, 1.0, 0.5)), (64, 64), 4, True),
}  # fmt: skip


def contents_of(case):
    changes, shape, mlp_ratio, cls_row = CASES[case]
    return reference_file(BASE | changes, shape, mlp_ratio, cls_row)


@pytest.mark.parametrize('case', CASES)
def test_backbone_and_pyramid_equal_the_loop(case, tmp_path):
    contents = contents_of(case)
    torch.save(contents, tmp_path / 'vitdet.pt')
    rows = compare_file(tmp_path / 'vitdet.pt')
    assert len(rows) == 2 + len(contents['config']['scale_factors'])
    assert max(row.deviation for row in rows) < 1e-5, rows


def test_the_loop_equals_detectron2(shared):
    """The loop itself, judged by the tensors of detectron2."""
    file = shared / 'reference/reference_vitdet_a.pt'
    contents = torch.load(file, weights_only=True)
    config, state = contents['config'], contents['state']
    image, feature = contents['input'][0], contents['backbone_feature'][0]
    ours = backbone_of_one(image, state, config).permute(2, 0, 1)
    torch.testing.assert_close(ours, feature, rtol=0, atol=1e-5)
    levels = pyramid_of(contents['backbone_feature'], state, config)
    assert levels.keys() == contents['pyramid'].keys()
    for name, level in levels.items():
        torch.testing.assert_close(
            level, contents['pyramid'][name], rtol=0, atol=1e-5
        )


def test_the_loop_stretches_tables_as_numpy_interpolates():
    table = torch.randn(9, 3, generator=torch.manual_seed(0))
    own = np.arange(9)
    wanted = (np.arange(13) + 0.5) * 9 / 13 - 0.5
    for channel in range(3):
        expected = np.interp(wanted, own, table[:, channel].numpy())
        ours = [distance_row(table, d, 7)[channel] for d in range(-6, 7)]
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    'change',
    [
        lambda s: s.update(
            {
                f'net.blocks.1.attn.rel_pos_{a}': s[
                    f'net.blocks.1.attn.rel_pos_{b}'
                ]
                for a, b in ('hw', 'wh')
            }
        ),
        lambda s: s['net.blocks.0.attn.qkv.bias'].add_(0.01),
        lambda s: s['simfp_2.1.norm.bias'].add_(1e-3),
    ],
    ids=['rows and columns swapped', 'bias of padding', 'norm of a level'],
)
def test_a_wrong_weight_is_noticed(change, tmp_path):
    contents = contents_of('landscape')
    change(contents['state'])
    torch.save(contents, tmp_path / 'vitdet.pt')
    rows = compare_file(tmp_path / 'vitdet.pt')
    assert not all(row.passed for row in rows)
