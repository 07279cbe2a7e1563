"""The printed line builds a model that computes what the source does."""

import pytest
import torch
from mmpretrain.models import VisionTransformer, ViTSAM

from siameseim.downstream import SiameseIMViTDet
from siameseim.models import SiameseIMViT
from siameseim.weights import convert_checkpoint, get_model
from tests.vit_fixtures import assert_near, saved, tiny_vit

# eps and channels that no class has by default
ODD = dict(in_channels=2, norm_cfg=dict(type='LN', eps=1e-3))
META = dict(norm_eps=1e-3)
CLASSES = (SiameseIMViT, SiameseIMViTDet, VisionTransformer, ViTSAM)


def source_of(folder, cls=None, **kwargs):
    model = tiny_vit(cls, **kwargs) if cls else tiny_vit(**kwargs)
    contents = {'state_dict': model.state_dict(), 'meta': META}
    return saved(folder / 'source.pth', contents), model


def built(usage, file, classes=CLASSES):
    """The model of a 'load it' line, which is an expression of Python."""
    config, _, more = usage.split(', or in a config ')[-1].partition(' with ')
    init_cfg = more.removeprefix('init_cfg=').partition(', or ')[0]
    cfg = eval(config, {})
    cfg['init_cfg'] = eval(init_cfg, {'FILE': str(file)})
    kind = cfg.pop('type')
    model = {cls.__name__: cls for cls in classes}[kind](**cfg)
    model.init_weights()
    model.eval()  # some return themselves, some do not
    return model


@torch.no_grad()
@pytest.mark.parametrize('to', ['siameseim', 'mmpretrain'])
@pytest.mark.parametrize('out_type', ['cls_token', 'avg_featmap'])
def test_a_plain_vit(to, out_type, tmp_path):
    kwargs = dict(final_norm=out_type == 'cls_token', out_type=out_type)
    file, source = source_of(tmp_path, **kwargs, **ODD)
    out = tmp_path / 'out.pth'
    report = convert_checkpoint(file, out, to, num_heads=2)
    model = built(report.usage, out)
    images = torch.randn(2, 2, 16, 16)
    features = model(images)[-1]
    assert_near(features, source(images)[-1])
    assert_near(features, get_model(out)(images)[-1])
    assert 'get_model returns' not in str(report)


@torch.no_grad()
@pytest.mark.parametrize('to', ['siameseim', 'mmpretrain'])
def test_a_plain_vit_without_a_norm_is_averaged_by_hand(to, tmp_path):
    """The stock class always norms the mean, or takes the cls token."""
    file, source = source_of(tmp_path, **ODD)
    out = tmp_path / 'out.pth'
    report = convert_checkpoint(file, out, to, num_heads=2)
    assert 'the mean over height and width' in report.notes[-1]
    images = torch.randn(2, 2, 16, 16)
    means = built(report.usage, out)(images)[-1].mean((2, 3))
    expected = source.encode(images)[:, 1:].mean(1)
    assert_near(means, expected)
    assert_near(means, get_model(out)(images)[-1])


@torch.no_grad()
def test_a_plain_vit_in_mmseg(tmp_path):
    backbones = pytest.importorskip('mmseg.models.backbones')
    file, source = source_of(tmp_path, out_type='featmap', **ODD)
    out = tmp_path / 'out.pth'
    usage = convert_checkpoint(file, out, 'mmseg-mae', num_heads=2).usage
    images = torch.randn(2, 2, 16, 16)
    assert_near(
        built(usage, out, [backbones.MAE])(images)[-1], source(images)[-1]
    )


@torch.no_grad()
@pytest.mark.parametrize('to', ['siameseim', 'vitsam', 'vitdet'])
@pytest.mark.parametrize('grid', [(6, 6), (4, 4)], ids=['its', 'a smaller'])
def test_a_vitdet_with_its_windows(to, grid, tmp_path):
    """Its positions may be for smaller images than its tables are."""
    size = dict(img_size=24, window_size=2, global_blocks=[1, 3])
    file, source = source_of(tmp_path, SiameseIMViTDet, **size, **ODD)
    contents = torch.load(file)
    positions = tiny_vit(img_size=4 * grid[0]).pos_embed[:, 1:]
    contents['state_dict']['pos_embed'] = positions.detach()
    torch.save(contents, file)
    out = tmp_path / 'out.pth'
    model = built(convert_checkpoint(file, out, to).usage, out)
    images = torch.randn(2, 2, 24, 24)
    expected = source(images)[-1]
    assert_near(get_model(file)(images)[-1], expected)
    assert_near(model(images)[-1], expected)


@torch.no_grad()
@pytest.mark.parametrize('to', ['siameseim', 'vitsam'])
def test_a_plain_vit_without_cls_token(to, tmp_path):
    kwargs = dict(with_cls_token=False, out_type='featmap')
    file, source = source_of(tmp_path, **kwargs, **ODD)
    out = tmp_path / 'out.pth'
    model = built(convert_checkpoint(file, out, to, num_heads=2).usage, out)
    images = torch.randn(2, 2, 16, 16)
    assert_near(model(images)[-1], source(images)[-1])


@torch.no_grad()
def test_a_plain_vit_as_vitdet_has_its_sizes(tmp_path):
    """It has windows of its own, so only what it shares is compared."""
    file, source = source_of(tmp_path, **ODD)
    out = tmp_path / 'out.pth'
    report = convert_checkpoint(file, out, 'vitdet', num_heads=2)
    model = built(report.usage, out)
    images = torch.randn(2, 2, 16, 16)
    (maps, grid), theirs = model._embed(images), source._embed(images)
    torch.testing.assert_close((maps.flatten(1, 2), grid), theirs)
    assert model.layers[0].ln1.eps == 1e-3
