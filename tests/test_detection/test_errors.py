"""Data and weights that do not fit: the value and the cure."""

import pytest

pytest.importorskip('mmcv.ops', exc_type=ImportError)
pytest.importorskip('mmdet')

from siameseim.detection.category_check import check_categories
from siameseim.errors import InputError
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


def test_a_wrong_data_folder_is_named_with_the_cure(tmp_path):
    options = [str(FOLDER / VITDET), '--work-dir', str(tmp_path)]
    with pytest.raises(SystemExit) as stopped:
        tool('train').main([*options, '--data', '/nowhere/coco'])
    message = str(stopped.value)
    assert '/nowhere/coco/train2017' in message
    assert '--data' in message
