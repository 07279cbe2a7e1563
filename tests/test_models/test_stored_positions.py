"""Positions of a checkpoint: recomputed if sin-cos, else interpolated."""

import pytest
import torch
import torch.nn.functional as F

from siameseim.models import SiameseIMViT
from siameseim.models.position import grid_sincos
from siameseim.models.stored_positions import StoredPositions, recognise
from tests.vit_fixtures import SIZES, tiny_vit


@pytest.mark.parametrize('extra', [0, 1])
@pytest.mark.parametrize('grid', [(4, 4), (2, 8), (8, 2), (3, 5)])
def test_sincos_positions_reveal_their_grid(grid, extra):
    positions = grid_sincos(grid, 16, extra)
    found = recognise(positions, (1, 1))
    assert found == (extra, StoredPositions(grid, 'rows'))


def test_half_precision_does_not_hide_sincos_positions():
    positions = grid_sincos((14, 14), 64, 1).bfloat16()
    assert recognise(positions, (1, 1))[1].first_half == 'rows'


def test_positions_of_mae_encode_columns_first():
    y, x = torch.meshgrid(torch.arange(3), torch.arange(3), indexing='ij')
    frequencies = 10000 ** (-torch.arange(4) / 4)
    encoded = [
        wave(axis.flatten()[:, None] * frequencies)
        for axis in (x, y)
        for wave in (torch.sin, torch.cos)
    ]
    positions = torch.cat(encoded, dim=1)[None]
    assert recognise(positions, (1, 1)) == (
        0,
        StoredPositions((3, 3), 'columns'),
    )


@pytest.mark.parametrize('extra', [0, 1])
def test_learned_positions_are_of_the_grid_of_the_model_if_they_fit(extra):
    positions = torch.randn(1, extra + 16, 16)
    for own, grid in (((2, 8), (2, 8)), ((3, 3), (4, 4))):
        found = recognise(positions, own)
        assert found == (extra, StoredPositions(grid, None))


def test_positions_that_fit_no_grid_raise():
    with pytest.raises(ValueError, match=r'\(1, 7, 16\).*\(2, 2\)'):
        recognise(torch.randn(1, 7, 16), (2, 2))


@pytest.mark.parametrize('shape', [(16, 24), (32, 20)])
def test_sincos_weights_give_the_features_of_a_model_of_that_size(shape):
    small = tiny_vit(out_type='featmap')
    large = SiameseIMViT(
        **{**SIZES, 'img_size': shape}, out_type='featmap'
    ).eval()
    large.load_state_dict(small.state_dict())
    images = torch.randn(1, 3, *shape)
    torch.testing.assert_close(small(images), large(images))


def test_positions_on_another_grid_keep_the_precision_of_the_model():
    model = tiny_vit(out_type='raw').bfloat16()
    (tokens,) = model(torch.randn(1, 3, 16, 24).bfloat16())
    assert tokens.dtype == torch.bfloat16


def test_columns_first_positions_stay_columns_first_on_other_grids():
    model = tiny_vit()
    rows, columns = model.pos_embed.chunk(2, dim=-1)
    state = {**model.state_dict(), 'pos_embed': torch.cat([columns, rows], -1)}
    model.load_state_dict(state)
    rows, columns = grid_sincos((2, 3), 16).chunk(2, dim=-1)
    tokens, grid = model._embed(torch.zeros(1, 3, 8, 12))
    expected = (
        torch.cat([columns, rows], -1)
        + model.patch_embed(torch.zeros(1, 3, 8, 12))[0]
    )
    torch.testing.assert_close(tokens, expected)


def test_learned_positions_are_interpolated_from_their_own_grid():
    model = tiny_vit()
    learned = torch.randn(1, 1 + 9, 16)
    model.load_state_dict({**model.state_dict(), 'pos_embed': learned})
    images = torch.randn(1, 3, 16, 24)
    tokens, _ = model._embed(images)
    patches = learned[:, 1:].reshape(1, 3, 3, 16).permute(0, 3, 1, 2)
    resized = F.interpolate(patches, (4, 6), mode='bicubic')
    expected = model.patch_embed(images)[0] + resized.flatten(2).mT
    torch.testing.assert_close(tokens, expected)
    cls_token = model._prepend_cls(tokens)[:, :1]
    torch.testing.assert_close(cls_token, model.cls_token + learned[:, :1])


def test_learned_positions_without_a_row_for_cls_leave_it_zero():
    model = tiny_vit()
    learned = torch.randn(1, 9, 16)
    model.load_state_dict({**model.state_dict(), 'pos_embed': learned})
    expected = torch.cat([torch.zeros(1, 1, 16), learned], dim=1)
    torch.testing.assert_close(model.pos_embed.detach(), expected)


def test_a_copy_takes_learned_positions_over():
    model = tiny_vit()
    learned = torch.randn(1, 1 + 9, 16)
    model.load_state_dict({**model.state_dict(), 'pos_embed': learned})
    copy = SiameseIMViT(**SIZES).eval()
    copy.load_state_dict(model.state_dict())
    images = torch.randn(1, 3, 20, 16)
    torch.testing.assert_close(copy(images), model(images))
