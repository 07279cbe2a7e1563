"""Data and weights that do not fit: the value and the cure."""

import json

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

pytest.importorskip('mmcv.ops', exc_type=ImportError)
pytest.importorskip('mmdet')
from mmdet.registry import MODELS

from siameseim.detection.category_check import check_categories
from siameseim.transfer.data_check import check_class_count
from tests.test_detection.test_configs import FOLDER, VITDET
from tests.transfer_fixtures import tool


@pytest.fixture
def annotations(tmp_path):
    path = tmp_path / 'own.json'
    names = ['bolt', 'nut', 'washer']
    categories = [dict(id=i, name=n) for i, n in enumerate(names, 1)]
    path.write_text(json.dumps(dict(categories=categories, images=[])))
    return str(path)


def test_a_class_the_file_does_not_have_is_named(annotations):
    with pytest.raises(ValueError, match="no category .*'screw'.*metainfo"):
        check_categories(annotations, ('bolt', 'screw'))


def test_another_order_of_classes_is_refused(annotations):
    with pytest.raises(ValueError, match='another order'):
        check_categories(annotations, ('nut', 'bolt'))


def test_some_of_the_classes_may_be_used(annotations):
    check_categories(annotations, ('bolt', 'washer'))


def test_a_head_of_another_size_is_named():
    with pytest.raises(ValueError, match='bbox_head.num_classes=80.* 3 cl'):
        check_class_count('model.roi_head.bbox_head', 80, ('a', 'b', 'c'))


def test_other_categories_stop_the_training(command):
    """COCO's annotations under a config that names other classes."""
    wrong = 'train_dataloader.dataset.metainfo.classes=bolt,nut'
    with pytest.raises(SystemExit, match="'bolt'.*'person'.*metainfo"):
        tool('train').main([*command, wrong])


def test_one_class_too_many_stops_the_training(command):
    wrong = 'train_dataloader.dataset.metainfo.classes=person,bolt'
    said = "error: .*no category .*'bolt'.*metainfo"
    with pytest.raises(SystemExit, match=said):
        tool('train').main([*command, wrong])


def test_a_wrong_data_folder_is_named_with_the_cure(tmp_path):
    options = [str(FOLDER / VITDET), '--work-dir', str(tmp_path)]
    with pytest.raises(SystemExit) as stopped:
        tool('train').main([*options, '--data', '/nowhere/coco'])
    message = str(stopped.value)
    assert '/nowhere/coco/train2017' in message
    assert '--data' in message


@pytest.mark.parametrize(
    'option, value, message',
    [
        ('arch', 'small', 'embed_dims 192, the model has embed_dims 384'),
        ('patch_size', 8, 'patch_size 16, the model has patch_size 8'),
    ],
)
def test_weights_of_another_size_are_refused(option, value, message, weights):
    cfg = Config.fromfile(FOLDER / VITDET).model.backbone
    cfg.update(arch='tiny', img_size=64)
    cfg.init_cfg.checkpoint = weights
    cfg[option] = value
    with DefaultScope.overwrite_default_scope('mmdet'):
        backbone = MODELS.build(cfg)
        with pytest.raises(ValueError, match=message):
            backbone.init_weights()
