"""The predictor's last block computes only what is read."""

import pytest
import torch
from mmpretrain.models.backbones.vision_transformer import (
    TransformerEncoderLayer,
)
from torch.testing import assert_close

from siameseim.models.neck import Predictor, SiameseIMNeck
from siameseim.models.position import relative_geometry
from tests.model_fixtures import random_batch, tiny_model
from tests.vit_fixtures import saved


@pytest.mark.parametrize('norm', ['BN', 'LN'])
def test_the_last_block_returns_what_a_stock_block_returns_last(norm):
    torch.manual_seed(0)
    block = tiny_model(norm).train().neck.predictor.blocks[-1]
    x = torch.randn(4, 1 + 7 + 16, block.embed_dims)
    seen = []
    block.ffn.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    kept = block(x)
    assert [tokens.shape[1] for tokens in seen] == [16]
    assert_close(kept, TransformerEncoderLayer.forward(block, x)[:, -16:])


@pytest.mark.parametrize('depth', [0, 1, 3])
def test_only_the_last_mlp_leaves_tokens_out(depth):
    torch.manual_seed(0)
    predictor = Predictor(
        embed_dims=8,
        num_heads=2,
        depth=depth,
        grid=(4, 4),
        mlp_ratio=2,
        norm='BN',
    )
    lengths = []
    for block in predictor.blocks:
        block.ffn.register_forward_pre_hook(
            lambda _, args: lengths.append(args[0].shape[1])
        )
    _, samples = random_batch(4)
    geometry = relative_geometry(
        samples['boxes'], samples['flips'], samples['source_width']
    )
    visible = samples['visible']
    tokens = torch.randn(4, 1 + visible.shape[1], 8)
    assert predictor(tokens, visible, geometry).shape == (4, 16, 8)
    every = 1 + visible.shape[1] + 16
    assert lengths == ([every] * 2 + [16])[3 - depth :]


def test_weights_that_a_config_chooses_are_not_drawn_over(tmp_path):
    neck = SiameseIMNeck(8, 8, 2, 1, 1, grid=4)
    chosen = {n: torch.ones_like(w) for n, w in neck.state_dict().items()}
    file = saved(tmp_path / 'neck.pth', chosen)
    neck.init_cfg = dict(type='Pretrained', checkpoint=file)
    neck.init_weights()
    assert all((weight == 1).all() for weight in neck.state_dict().values())


def test_relative_positions_are_fp32_under_autocast():
    torch.manual_seed(0)
    predictor = tiny_model().neck.predictor
    _, samples = random_batch(4)
    geometry = relative_geometry(
        samples['boxes'], samples['flips'], samples['source_width']
    )
    plain = predictor._relative_positions(geometry)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        mixed = predictor._relative_positions(geometry)
    assert_close(mixed, plain, rtol=0, atol=0)


@pytest.mark.parametrize('width', [6, 8])
def test_a_width_that_cannot_be_divided_is_refused(width):
    """6 has no quarter for the positions; 8 is not three heads."""
    said = f'embed_dims={width} must be divisible by 4 and by num_heads=3'
    with pytest.raises(ValueError, match=said):
        SiameseIMNeck(8, width, num_heads=3)
