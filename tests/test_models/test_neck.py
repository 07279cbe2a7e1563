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


def test_only_the_last_mlp_leaves_tokens_out():
    torch.manual_seed(0)
    predictor = Predictor(
        embed_dims=8, num_heads=2, depth=3, grid=(4, 4), mlp_ratio=2, norm='BN'
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
    assert lengths == [every, every, 16]


def test_weights_that_a_config_chooses_are_not_drawn_over(tmp_path):
    neck = SiameseIMNeck(8, 8, 2, 1, 1, grid=4)
    chosen = {n: torch.ones_like(w) for n, w in neck.state_dict().items()}
    file = saved(tmp_path / 'neck.pth', chosen)
    neck.init_cfg = dict(type='Pretrained', checkpoint=file)
    neck.init_weights()
    assert all((weight == 1).all() for weight in neck.state_dict().values())
