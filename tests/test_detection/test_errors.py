"""Data and weights that do not fit: the value and the cure."""

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope

pytest.importorskip('mmcv.ops', exc_type=ImportError)
pytest.importorskip('mmdet')
from mmdet.registry import MODELS

from siameseim.detection.category_check import check_categories
from siameseim.errors import InputError
from siameseim.transfer.data_check import check_class_count
from tests.test_detection.test_configs import FOLDER, VITDET
from tests.transfer_fixtures import tool


@pytest.mark.parametrize(
    ('classes', 'said'),
    [
        (('bolt', 'screw'), "no category .*'screw'.*metainfo"),
        (('nut', 'bolt'), 'another order'),
    ],
)
def test_classes_that_are_not_those_of_the_file_are_named(
    classes, said, written
):
    with pytest.raises(InputError, match=said):
        check_categories(written().path, classes)


def test_some_of_the_classes_may_be_used(written):
    check_categories(written().path, ('bolt', 'washer'))


def test_a_head_of_another_size_is_named():
    with pytest.raises(ValueError, match='bbox_head.num_classes=80.* 3 cl'):
        check_class_count('model.roi_head.bbox_head', 80, ('a', 'b', 'c'))


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
