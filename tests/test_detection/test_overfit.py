"""Gradients, targets and coordinates are right: images learnt by heart."""

import pytest

pytest.importorskip('mmcv.ops', exc_type=ImportError)
pytest.importorskip('mmdet')
from tests.test_detection.test_configs import FOLDER
from tests.transfer_fixtures import tool, values

CONFIG = FOLDER / 'siameseim_overfit_1xb4-400_coco-8.py'


@pytest.mark.slow
def test_eight_images_are_learnt_by_heart(shared, tmp_path):
    """docs/detection.md has the figures of one run; others differ a bit."""
    data = shared / 'data/coco_mini'
    tool('train').main(
        [str(CONFIG), '--data', str(data), '--work-dir', str(tmp_path)]
    )
    assert values(tmp_path, 'coco/bbox_mAP')[-1] > 0.15
    assert values(tmp_path, 'coco/segm_mAP')[-1] > 0.12
