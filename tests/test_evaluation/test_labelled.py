"""Features of labelled folders, and the frozen backbones they are of."""

import shutil

import pytest
import torch
from mmengine.config import Config
from PIL import Image

from siameseim.downstream import SiameseIMViTDet
from siameseim.errors import InputError
from siameseim.evaluation import frozen, labelled
from siameseim.evaluation.features import mean_features
from tests.test_evaluation.conftest import write_classes
from tests.test_evaluation.plain import plain_feature
from tests.vit_fixtures import SIZES, saved, tiny_vit

TINY_CFG = dict(type='SiameseIMViT', **SIZES)


def test_encoding_leaves_the_random_generators_alone(colours):
    backbone, preprocessor = frozen.frozen_backbone(dict(TINY_CFG), 'cpu')
    images = labelled.labelled_folder(colours / 'val', (16, 16))
    before = torch.random.get_rng_state()
    labelled.pooled_features(backbone, preprocessor, images, num_workers=0)
    assert torch.random.get_rng_state().equal(before)


def test_features_are_those_of_normalised_central_views(colours):
    backbone, preprocessor = frozen.frozen_backbone(dict(TINY_CFG), 'cpu')
    preprocessor.mean.fill_(51.0)
    preprocessor.std.fill_(25.5)
    images = labelled.labelled_folder(colours / 'val', (16, 16))
    found = labelled.pooled_features(
        backbone, preprocessor, images, batch_size=2, num_workers=0
    )
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    for (path, _), feature in zip(images.samples, found.features, strict=True):
        torch.testing.assert_close(
            feature.float(),
            plain_feature(backbone.eval(), path, mean=[0.2], std=[0.1]),
            atol=1e-3,  # of half precision
            rtol=1e-3,
        )


def test_what_half_precision_cannot_hold_is_told(colours, monkeypatch):
    told = []
    monkeypatch.setattr(labelled, 'warn', told.append)
    backbone, preprocessor = frozen.frozen_backbone(dict(TINY_CFG), 'cpu')
    images = labelled.labelled_folder(colours / 'val', (16, 16))
    torch.nn.init.constant_(backbone.layers[-1].ffn.layers[1].bias, 1e5)
    labelled.pooled_features(backbone, preprocessor, images, num_workers=0)
    assert 'too large for the half precision' in told[0]


def test_a_long_measurement_says_how_far_it_is(colours, monkeypatch):
    told = []
    monkeypatch.setattr(labelled, 'tell', told.append)
    monkeypatch.setattr(labelled, '_SAY_EVERY', 0.0)
    backbone, preprocessor = frozen.frozen_backbone(dict(TINY_CFG), 'cpu')
    images = labelled.labelled_folder(colours / 'val', (16, 16))
    labelled.pooled_features(backbone, preprocessor, images, 4, 0)
    assert told == [f'{n} of 9 images encoded' for n in (4, 8, 9)]


@pytest.mark.parametrize('rank', [0, 9])
def test_fewer_images_than_processes_are_refused(colours, monkeypatch, rank):
    monkeypatch.setattr(labelled, 'get_rank', lambda: rank)
    monkeypatch.setattr(labelled, 'get_world_size', lambda: 10)
    images = labelled.labelled_folder(colours / 'val', (16, 16))
    with pytest.raises(InputError, match='val has 9 images, .* 10 processes'):
        labelled.shard(images)


def test_features_in_bf16_are_those_under_autocast(colours):
    backbone, preprocessor = frozen.frozen_backbone(dict(TINY_CFG), 'cpu')
    images = labelled.labelled_folder(colours / 'val', (16, 16))
    found = labelled.pooled_features(
        backbone, preprocessor, images, num_workers=0, precision='bf16'
    )
    views = torch.stack([view for view, _ in images])
    data = preprocessor(dict(inputs=views, data_samples=None))
    with torch.autocast('cpu', torch.bfloat16):
        expected = mean_features(backbone, data['inputs']).half()
    assert found.features.equal(expected)
    assert not found.features.equal(
        mean_features(backbone, data['inputs']).half()
    )


@pytest.mark.parametrize('workers', [0, 1])
def test_a_damaged_image_is_named(colours, tmp_path, workers):
    shutil.copytree(colours / 'val', tmp_path / 'val')
    damaged = next(tmp_path.glob('val/*')) / 'damaged.png'
    damaged.write_bytes(b'no image')
    backbone, preprocessor = frozen.frozen_backbone(dict(TINY_CFG), 'cpu')
    images = labelled.labelled_folder(tmp_path / 'val', (16, 16))
    with pytest.raises(InputError) as error:
        labelled.pooled_features(
            backbone, preprocessor, images, num_workers=workers
        )
    text = str(error.value)
    assert text.startswith(f'{damaged} cannot be read (')
    assert text.endswith('mend or remove it')


def test_what_is_hidden_is_no_class_and_no_image(colours, tmp_path):
    plain = labelled.labelled_folder(colours / 'val', (16, 16))
    root = shutil.copytree(colours / 'val', tmp_path / '.cache/val')
    for name in ('.ipynb_checkpoints', f'{plain.classes[0]}/.thumbs'):
        (root / name).mkdir()
        (root / name / 'a.png').touch()
    (root / plain.classes[0] / '._a.png').touch()
    images = labelled.labelled_folder(root, (16, 16))
    assert images.classes == plain.classes
    assert images.targets == plain.targets


def test_all_formats_of_pretraining_count(colours, tmp_path):
    plain = labelled.labelled_folder(colours / 'val', (16, 16))
    root = shutil.copytree(colours / 'val', tmp_path / 'val')
    Image.new('RGB', (20, 20)).save(root / plain.classes[0] / 'more.jp2')
    images = labelled.labelled_folder(root, (16, 16))
    assert len(images) == len(plain) + 1


def test_splits_with_other_classes_are_refused(colours, tmp_path):
    write_classes(tmp_path / 'val', 1, 0, {'red': (1, 2, 3)})
    with pytest.raises(ValueError, match='only one of them has: blue'):
        labelled.labelled_splits(colours / 'train', tmp_path / 'val', (16, 16))


def test_a_norm_before_the_blocks_needs_the_config(tmp_path):
    """``--config`` is the cure that the message names."""
    settings = dict(TINY_CFG, pre_norm=True)
    vit = tiny_vit(pre_norm=True)
    path = saved(tmp_path / 'vit.pth', vit.state_dict())
    with pytest.raises(ValueError, match=r"'pre_norm.weight'\].*--config"):
        frozen.backbone_config(path, num_heads=2)
    config = tmp_path / 'config.py'
    config.write_text(f'model = dict(backbone={settings})')
    cfg = frozen.backbone_config(path, str(config))
    backbone, _ = frozen.frozen_backbone(cfg, 'cpu')
    images = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(
        backbone.eval().encode(images), vit.encode(images)
    )


@pytest.mark.parametrize(
    'kind', ['stored config', 'given', 'no cls token', 'no bias']
)
def test_the_sizes_are_those_of_the_checkpoint(kind, tmp_path):
    arch = dict(
        embed_dims=24, num_layers=2, num_heads=3, feedforward_channels=64
    )
    settings = dict(arch=arch, img_size=(16, 24), patch_size=8)
    if kind == 'no cls token':
        settings |= dict(with_cls_token=False, out_type='avg_featmap')
    if kind == 'no bias':
        settings |= dict(qkv_bias=False)
    vit = tiny_vit(**settings)
    contents = {'state_dict': vit.state_dict()}
    heads = 3
    if kind == 'stored config':  # as mmengine writes it in every checkpoint
        model = dict(backbone=dict(type='SiameseIMViT', **settings))
        contents['meta'] = dict(cfg=Config(dict(model=model)).pretty_text)
        heads = None
    path = saved(tmp_path / 'vit.pth', contents)
    cfg = frozen.backbone_config(path, num_heads=heads)
    again, _ = frozen.frozen_backbone(cfg, 'cpu')
    images = torch.randn(2, 3, 16, 24)
    torch.testing.assert_close(again.eval().encode(images), vit.encode(images))


def test_images_are_normalised_as_in_the_stored_config(tmp_path):
    """And not by ImageNet's statistics, without a word."""
    own = dict(mean=[0, 10.5, -1], std=[255, 40.0, 1.25])
    model = dict(backbone=dict(TINY_CFG), data_preprocessor=own)
    meta = dict(cfg=Config(dict(model=model)).pretty_text)
    contents = dict(state_dict=tiny_vit().state_dict(), meta=meta)
    path = saved(tmp_path / 'vit.pth', contents)
    cfg = frozen.backbone_config(path)
    _, preprocessor = frozen.frozen_backbone(cfg, 'cpu')
    assert preprocessor.mean.flatten().tolist() == own['mean']
    assert preprocessor.std.flatten().tolist() == own['std']


@pytest.mark.parametrize('norm', [False, True])
def test_a_frozen_backbone_has_a_norm_only_if_the_file_has(norm, tmp_path):
    """An untrained one, which no feature uses, would only be warned of."""
    state = tiny_vit(out_type='avg_featmap' if norm else 'raw').state_dict()
    path = saved(tmp_path / 'vit.pth', state)
    cfg = frozen.backbone_config(path, num_heads=2)
    backbone, _ = frozen.frozen_backbone(cfg, 'cpu')
    assert backbone.state_dict().keys() == state.keys()


def test_assumed_heads_are_a_warning(tmp_path, monkeypatch):
    lines = []
    monkeypatch.setattr(frozen, 'warn', lines.append)
    arch = dict(
        embed_dims=128, num_layers=1, num_heads=4, feedforward_channels=8
    )
    path = saved(tmp_path / 'vit.pth', tiny_vit(arch=arch).state_dict())
    assert frozen.backbone_config(path)['arch']['num_heads'] == 2
    (text,) = lines
    assert 'ASSUMED' in text


def test_a_vitdet_is_refused(tmp_path):
    vit = tiny_vit(SiameseIMViTDet, window_size=2)
    path = saved(tmp_path / 'vit.pth', vit.state_dict())
    with pytest.raises(ValueError, match='is a ViTDet'):
        frozen.backbone_config(path)
