"""Gradients, targets and coordinates are right: images learnt by heart."""

import pytest

pytest.importorskip('mmseg')
from tests.test_segmentation.test_configs import FOLDER
from tests.transfer_fixtures import tool, values

CONFIG = FOLDER / 'siameseim_overfit_1xb4-250_ade20k-8.py'


@pytest.mark.slow
def test_eight_images_are_learnt_by_heart(shared, tmp_path):
    """docs/segmentation.md has the figures of one run; others differ."""
    data = shared / 'data/ade20k_mini'
    tool('train').main(
        [str(CONFIG), '--data', str(data), '--work-dir', str(tmp_path)]
    )
    assert values(tmp_path, 'mIoU')[-1] > 20
    assert values(tmp_path, 'aAcc')[-1] > 75
