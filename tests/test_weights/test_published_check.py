"""The config that measures the published classifier on ImageNet."""

from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import Compose
from mmpretrain.registry import MODELS, TRANSFORMS
from PIL import Image

from siameseim.convert import load_file
from siameseim.weights import convert_checkpoint

CONFIG = Path(__file__).resolve().parents[2] / (
    'configs/published/siameseim_vitb_finetuned_imagenet.py'
)


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
    torch.testing.assert_close(logits, outputs['logits'], rtol=0, atol=1e-4)


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
        dict(type='ClsDataPreprocessor', **cfg.model.data_preprocessor)
    )
    ours = preprocessor(dict(inputs=packed['inputs'][None]))['inputs'][0]

    resized = Image.open(path).resize((341, 256), Image.Resampling.BICUBIC)
    left, top = round((341 - 224) / 2), (256 - 224) // 2
    cut = np.asarray(resized)[top : top + 224, left : left + 224]
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    expected = torch.tensor((cut / 255 - mean) / std).permute(2, 0, 1)
    torch.testing.assert_close(ours, expected.float(), rtol=0, atol=1e-3)
