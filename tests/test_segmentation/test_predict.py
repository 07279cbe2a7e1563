"""Segmentations drawn to PNG by one command."""

import pytest
import torch
from PIL import Image, ImageChops

pytest.importorskip('mmseg')
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS

from tests.test_segmentation.test_configs import FOLDER
from tests.transfer_fixtures import tool

CONFIG = FOLDER / 'siameseim_overfit_1xb4-250_ade20k-8.py'


@pytest.fixture
def checkpoint(tmp_path):
    """An untrained model with the names of 150 classes."""
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(Config.fromfile(CONFIG).model)
    names = [f'class {i}' for i in range(150)]
    palette = [[i, 255 - i, 128] for i in range(150)]
    meta = dict(dataset_meta=dict(classes=names, palette=palette))
    path = tmp_path / 'model.pth'
    torch.save(dict(state_dict=model.state_dict(), meta=meta), path)
    return str(path)


@pytest.fixture
def image(shared):
    folder = shared / 'data/ade20k_mini/images/validation'
    return sorted(folder.glob('*.jpg'))[0]


def test_the_overlay_has_the_size_of_the_image(checkpoint, image, tmp_path):
    command = [str(CONFIG), checkpoint, str(image)]
    (file,) = tool('predict').main([*command, '--out', str(tmp_path)])
    assert file.name == f'{image.name}.png'
    drawn = Image.open(file).convert('RGB')
    source = Image.open(image).convert('RGB')
    assert drawn.size == source.size
    assert ImageChops.difference(drawn, source).getbbox() is not None


def test_it_draws_what_the_test_pipeline_makes(checkpoint, image, tmp_path):
    drawn = []
    for scale in (128, 256):
        option = f'test_dataloader.dataset.pipeline.1.scale=(1024,{scale})'
        (file,) = tool('predict').main(
            [str(CONFIG), checkpoint, str(image), '--out', str(tmp_path)]
            + ['--cfg-options', option]
        )
        drawn.append(file.read_bytes())
    assert drawn[0] != drawn[1]
