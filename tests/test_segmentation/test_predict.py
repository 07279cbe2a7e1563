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


def test_the_overlay_has_the_size_of_the_image(shared, tmp_path):
    cfg = Config.fromfile(CONFIG)
    with DefaultScope.overwrite_default_scope('mmseg'):
        model = MODELS.build(cfg.model)
    names = [f'class {i}' for i in range(150)]
    palette = [[i, 255 - i, 128] for i in range(150)]
    meta = dict(dataset_meta=dict(classes=names, palette=palette))
    checkpoint = tmp_path / 'model.pth'
    torch.save(dict(state_dict=model.state_dict(), meta=meta), checkpoint)
    folder = shared / 'data/ade20k_mini/images/validation'
    image = sorted(folder.glob('*.jpg'))[0]
    command = [str(CONFIG), str(checkpoint), str(image)]
    files = tool('predict').main([*command, '--out', str(tmp_path)])
    assert files[0].name == f'{image.name}.png'
    drawn = Image.open(files[0]).convert('RGB')
    source = Image.open(image).convert('RGB')
    assert drawn.size == source.size
    assert ImageChops.difference(drawn, source).getbbox() is not None
