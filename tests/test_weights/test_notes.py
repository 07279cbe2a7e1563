"""What a file says of its tensors, where they cannot show it."""

import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config

from siameseim.downstream import SiameseIMViTDet
from siameseim.weights import convert_checkpoint, get_model
from siameseim.weights.reading import read_vit
from tests.vit_fixtures import assert_near, saved, tiny_vit

EPS = 0.1


def noted(path, vit, **meta):
    contents = dict(
        state_dict=vit.state_dict(), meta=dict(num_heads=2, **meta)
    )
    return saved(path, contents)


@pytest.fixture
def own_eps(tmp_path):
    vit = tiny_vit(norm_cfg=dict(type='LN', eps=EPS))
    return noted(tmp_path / 'own_eps.pth', vit, norm_eps=EPS), vit


@torch.no_grad()
@pytest.mark.parametrize(
    ('to', 'name'),
    [('siameseim', 'a.pth'), ('mmpretrain', 'a.pth'), ('huggingface', 'a')],
)
def test_another_eps_goes_with_the_tensors(own_eps, tmp_path, to, name):
    file, vit = own_eps
    there = tmp_path / name
    convert_checkpoint(file, there, to)
    images = torch.randn(2, 3, 16, 16)
    expected = vit.encode(images)
    assert_near(get_model(there).encode(images), expected)
    assert not torch.allclose(tiny_vit().encode(images), expected, atol=1e-2)


@pytest.mark.parametrize('to', ['timm', 'published', 'detectron2'])
def test_where_another_eps_cannot_go_is_said(own_eps, tmp_path, to):
    with pytest.raises(ValueError, match='lossy: LayerNorm eps is 0.1'):
        convert_checkpoint(own_eps[0], tmp_path / 'there.pth', to)


def test_the_noted_size_is_that_of_the_positions(tmp_path):
    """And not the asked-for one, which has as many patches."""
    vit = tiny_vit(img_size=(16, 24))
    torch.nn.init.normal_(vit.pos_embed)
    file = noted(tmp_path / 'a.pth', vit, img_size=[16, 24])
    grid = vit.pos_embed[:, 1:].mT.unflatten(2, (4, 6))
    expected = F.interpolate(grid, (6, 4), mode='bicubic').flatten(2).mT
    found = get_model(file, img_size=(24, 16)).pos_embed
    assert_near(found[:, 1:], expected, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize('blocks', [[1, 3], [0, 2]])
def test_the_config_tells_windows_larger_than_the_map(blocks, tmp_path):
    """Their tables alone look like those of smaller windows."""
    size = dict(img_size=16, window_size=5, global_blocks=blocks)
    source = tiny_vit(SiameseIMViTDet, **size)
    cfg = Config(
        dict(model=dict(backbone=dict(type='SiameseIMViTDet', **size)))
    )
    file = tmp_path / 'a.pth'
    meta = dict(cfg=cfg.pretty_text)
    torch.save(dict(state_dict=source.state_dict(), meta=meta), file)
    images = torch.randn(2, 3, 16, 16)
    expected = source(images)[-1]
    assert_near(get_model(file)(images)[-1], expected)
    for to in ('vitdet', 'detectron2'):
        there = tmp_path / f'{to}.pth'
        convert_checkpoint(file, there, to)
        assert_near(get_model(there)(images)[-1], expected)


@pytest.mark.parametrize(
    ('kind', 'warned'),
    [
        ('TopKViT', True),
        ('SiameseIMViT', False),
        ('SiameseIMViTDet', False),  # registered for all toolboxes
        ('mmseg.MAE', False),
    ],
)
def test_a_class_of_ones_own_is_no_plain_vit(tmp_path, kind, warned):
    """Its tensors may have the same names; its features are others."""
    cfg = f"model = dict(backbone=dict(type='{kind}'))"
    file = noted(tmp_path / 'own.pth', tiny_vit(), cfg=cfg)
    reading = read_vit(file)
    assert reading.doubtful == warned
    assert any('--config' in n for n in reading.report.notes) == warned


def test_get_model_says_the_licence_of_published_weights(shared, monkeypatch):
    said = []
    monkeypatch.setattr('siameseim.weights.model.tell', said.append)
    get_model(shared / 'reference/reference_finetuned.pth', num_heads=4)
    assert 'CC-BY-NC' in said[0]
