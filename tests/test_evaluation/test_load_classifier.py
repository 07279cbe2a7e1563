"""A trained classifier measured on folders of image files."""

import shutil

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS
from PIL import Image

from siameseim.errors import InputError
from siameseim.evaluation import robustness
from tests.test_evaluation.conftest import COLOURS
from tests.transfer_fixtures import ROOT
from tests.vit_fixtures import TINY, saved

CIFAR = (
    ROOT / 'configs/classification/'
    'siameseim_vitb_finetune_8xb128-100e_cifar10.py'
)


def tiny_cifar():
    """The config of CIFAR-10, whose data set decodes images itself, as RGB."""
    cfg = Config.fromfile(CIFAR)
    cfg.model.backbone.update(
        arch=TINY, img_size=16, patch_size=4, init_cfg=None
    )
    cfg.model.head.update(num_classes=3, in_channels=16)
    cfg.test_dataloader.dataset.pipeline[0].scale = (16, 16)
    return cfg


def trained_cifar(folder):
    """That config, a checkpoint for three classes, and its model."""
    cfg = tiny_cifar()
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    torch.nn.init.normal_(model.head.fc.weight)
    meta = dict(dataset_meta=dict(classes=[*COLOURS]))
    contents = dict(state_dict=model.state_dict(), meta=meta)
    return cfg, saved(folder / 'c.pth', contents), model.eval()


@torch.no_grad()
def logits_of(model, path):
    """What the model makes of an image that Pillow alone has read."""
    with Image.open(path) as image:
        small = image.resize((16, 16), Image.Resampling.BICUBIC)
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    pixels = torch.tensor((np.asarray(small) / 255 - mean) / std).float()
    return model(pixels.permute(2, 0, 1)[None])[0]


def test_image_files_are_read_and_swapped_to_rgb(colours, tmp_path):
    cfg, file, model = trained_cifar(tmp_path)
    loaded = robustness.load_classifier(
        cfg, file, device='cpu', batch_size=2, num_workers=0
    )
    for path in (colours / 'val').glob('*/*_0.png'):
        predicted = [*COLOURS][int(logits_of(model, path).argmax())]
        folder = tmp_path / 'predicted' / predicted
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder)
    assert robustness.accuracy(loaded, tmp_path / 'predicted') == 1


def test_a_file_without_a_classifier_is_named(tmp_path):
    file = saved(tmp_path / 'a.pth', {'model': {'head.weight': torch.ones(1)}})
    with pytest.raises(ValueError, match='a.pth holds no head.fc.weight'):
        robustness.load_classifier(tiny_cifar(), file)


def test_a_file_without_the_backbone_is_refused(tmp_path):
    """Its scores would be those of a network at random."""
    head = {'head.fc.weight': torch.ones(3, 16), 'head.fc.bias': torch.ones(3)}
    meta = dict(dataset_meta=dict(classes=[*COLOURS]))
    file = saved(tmp_path / 'a.pth', dict(state_dict=head, meta=meta))
    with pytest.raises(InputError, match='weights .* are missing'):
        robustness.load_classifier(tiny_cifar(), file, device='cpu')
