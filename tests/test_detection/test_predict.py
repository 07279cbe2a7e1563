"""Detections drawn to PNG by one command."""

import pytest
from PIL import Image, ImageChops

pytest.importorskip('mmcv.ops', exc_type=ImportError)
pytest.importorskip('mmdet')
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.registry import DefaultScope

from tests.test_detection.test_configs import FOLDER
from tests.transfer_fixtures import tool

CONFIG = FOLDER / 'siameseim_overfit_1xb4-400_coco-8.py'


def test_boxes_and_masks_are_drawn(shared, tmp_path):
    cfg = Config.fromfile(CONFIG)
    with DefaultScope.overwrite_default_scope('mmdet'):
        model = MODELS.build(cfg.model)
    checkpoint = tmp_path / 'model.pth'
    meta = dict(dataset_meta=dict(classes=('a',) * 80))
    torch.save(dict(state_dict=model.state_dict(), meta=meta), checkpoint)
    # an untrained model finds nothing: lower its own threshold
    cfg.model.test_cfg.rcnn.score_thr = 0.0
    config = tmp_path / 'config.py'
    cfg.dump(config)
    image = sorted((shared / 'data/coco_mini/val2017').glob('*.jpg'))[0]
    command = [str(config), str(checkpoint), str(image), '--score', '0']
    (file,) = tool('predict').main([*command, '--out', str(tmp_path)])
    drawn = Image.open(file).convert('RGB')
    source = Image.open(image).convert('RGB')
    assert file.name == f'{image.name}.png'
    assert drawn.size == source.size
    assert ImageChops.difference(drawn, source).getbbox() is not None


def test_a_missing_image_is_named(tmp_path):
    checkpoint = tmp_path / 'model.pth'
    checkpoint.touch()
    with pytest.raises(SystemExit, match='nowhere.jpg is no image'):
        tool('predict').main([str(CONFIG), str(checkpoint), 'nowhere.jpg'])
