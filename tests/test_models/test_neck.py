"""The predictor's last block computes only what is read."""

import pytest
import torch
from mmpretrain.models.backbones.vision_transformer import (
    TransformerEncoderLayer,
)
from torch.testing import assert_close

from tests.model_fixtures import random_batch, tiny_model


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


def test_the_last_mlp_sees_no_visible_token_in_a_step():
    model = tiny_model().train()
    model.update_target(0.9)
    lengths = []
    for block in model.neck.predictor.blocks:
        block.ffn.register_forward_pre_hook(
            lambda _, args: lengths.append(args[0].shape[1])
        )
    views, samples = random_batch(4)
    model(views, samples, mode='loss')
    *others, last = lengths
    assert last == 16
    assert set(others) <= {1 + samples['visible'].shape[1] + 16}
