"""The config that measures the published classifier on ImageNet."""

import argparse
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS, TRANSFORMS
from PIL import Image

from siameseim.layouts.safe_load import load_file
from siameseim.weights import convert_checkpoint
from tests import plain_vit
from tests.transfer_fixtures import forget_visualizers, tool
from tests.vit_fixtures import assert_near

CONFIG = Path(__file__).resolve().parents[2] / (
    'configs/published/siameseim_vitb_finetuned_imagenet.py'
)


@pytest.fixture(autouse=True)
def _in_mmpretrain():
    """Whatever toolbox a run before this one belonged to."""
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield


@torch.no_grad()
def test_its_model_gives_the_reference_logits(shared, tmp_path):
    """At the sizes of the reference file, else as the config says."""
    folder = shared / 'reference'
    outputs = torch.load(folder / 'reference_finetuned_io.pt')
    file = tmp_path / 'classifier.pth'
    convert_checkpoint(
        folder / 'reference_finetuned.pth',
        file,
        'mmpretrain-classifier',
        num_heads=4,
    )
    cfg = Config.fromfile(CONFIG).model
    cfg.backbone.arch = dict(
        embed_dims=64, num_layers=3, num_heads=4, feedforward_channels=256
    )
    cfg.backbone.img_size = 64
    cfg.head.update(num_classes=10, in_channels=64)
    model = MODELS.build(cfg)
    model.load_state_dict(load_file(str(file))['state_dict'])
    model.eval()
    logits = model(outputs['input'])
    assert_near(logits, outputs['logits'])


def test_its_images_are_resized_and_cut_as_pillow_does(tmp_path):
    generator = np.random.default_rng(0)
    pixels = generator.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    path = tmp_path / 'image.png'
    Image.fromarray(pixels).save(path)
    cfg = Config.fromfile(CONFIG)
    steps = cfg.test_dataloader.dataset.pipeline
    pipeline = Compose([TRANSFORMS.build(step) for step in steps])
    packed = pipeline(dict(img_path=str(path), img=None, gt_label=0))
    preprocessor = MODELS.build(
        dict(type='ClsDataPreprocessor', **cfg.data_preprocessor)
    )
    ours = preprocessor(dict(inputs=packed['inputs'][None]))['inputs'][0]

    resized = Image.open(path).resize((341, 256), Image.Resampling.BICUBIC)
    left, top = round((341 - 224) / 2), (256 - 224) // 2
    cut = np.asarray(resized)[top : top + 224, left : left + 224]
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    expected = torch.tensor((cut / 255 - mean) / std).permute(2, 0, 1)
    assert_near(ours, expected.float(), atol=1e-3)


SMALL = f"""
_base_ = [{str(CONFIG)!r}]
arch = dict(
    _delete_=True,
    embed_dims=24,
    num_layers=1,
    num_heads=2,
    feedforward_channels=48,
)
model = dict(
    backbone=dict(arch=arch, img_size=32, patch_size=8),
    head=dict(in_channels=24, num_classes=3),
)
test_dataloader = dict(num_workers=0, persistent_workers=False)
test_evaluator = dict(topk=(1,))
"""


@pytest.mark.parametrize('stock', [False, True], ids=['val only', 'with meta'])
def test_the_two_commands_as_documented(stock, tmp_path):
    """Top-1 on four images, three of which keep their predicted label."""
    torch.manual_seed(0)
    state = plain_vit.random_state(24, 1, (8, 8), 48)
    state['pos_embed'] = plain_vit.sincos(4, 4, 24)
    state |= {
        'fc_norm.weight': torch.ones(24),
        'fc_norm.bias': torch.zeros(24),
    }
    state |= {'head.weight': torch.randn(3, 24), 'head.bias': torch.zeros(3)}
    args = argparse.Namespace(model='vit', num_heads=2)
    torch.save({'model': state, 'args': args}, tmp_path / 'published.pth')
    labels = write_predicted(state, tmp_path / 'imagenet/val')
    if stock:  # the layout of mmpretrain, with a list
        (tmp_path / 'imagenet/meta').mkdir()
        lines = [f'{name} {label}' for name, label in labels.items()]
        (tmp_path / 'imagenet/meta/val.txt').write_text('\n'.join(lines))
    file = tmp_path / 'finetuned.pth'
    tool('convert').main(
        [str(tmp_path / 'published.pth'), str(file),
         '--to', 'mmpretrain-classifier']
    )  # fmt: skip
    forget_visualizers()
    config = tmp_path / 'small.py'
    config.write_text(SMALL)
    scores = tool('test').main(
        [str(config), str(file), '--data', str(tmp_path / 'imagenet'),
         '--work-dir', str(tmp_path / 'run'), '--cfg-options',
         'test_dataloader.dataset.pipeline.1.scale=36',
         'test_dataloader.dataset.pipeline.2.crop_size=32']
    )  # fmt: skip
    assert scores['accuracy/top1'] == 75


def write_predicted(state, folder):
    """Four images, each in the folder of its predicted class, one not."""
    generator = np.random.default_rng(0)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    for i in range(3):
        (folder / f'n0{i}').mkdir(parents=True)
    labels = {}
    for i in range(4):
        pixels = generator.integers(0, 256, (36, 36, 3), dtype=np.uint8)
        cut = torch.tensor((pixels[2:34, 2:34] / 255 - mean) / std)
        tokens = plain_vit.encode(state, cut.permute(2, 0, 1)[None].float(), 2)
        label = int(plain_vit.classify(state, tokens).argmax())
        label = (label + 1) % 3 if i == 3 else label
        name = f'n0{label}/{i}.png'
        Image.fromarray(pixels).save(folder / name)
        labels[name] = label
    return labels
