"""The linear probe's schedule, and what it cannot be fitted to."""

import pytest
from mmengine.config import Config

from siameseim.evaluation import linear_probe
from tests.transfer_fixtures import ROOT
from tests.vit_fixtures import TINY

LINEAR = ROOT / (
    'configs/classification/siameseim_vitb_linear_8xb2048-90e_in1k.py'
)


@pytest.mark.parametrize(
    ('epochs', 'warm_up'), [(180, 20), (45, 5), (9, 1), (2, 1), (1, 0)]
)
def test_warm_up_is_a_ninth_in_whole_epochs(epochs, warm_up):
    cfg = Config.fromfile(LINEAR)
    linear_probe._set_epochs(cfg, epochs)
    *first, cosine = cfg.param_scheduler
    assert [s.end for s in first] == [warm_up] * (warm_up > 0)
    assert (cosine.begin, cosine.end) == (warm_up, epochs)
    assert cosine.T_max == epochs - warm_up


def test_an_oblong_backbone_is_refused(tmp_path):
    backbone = dict(
        type='SiameseIMViT', arch=TINY, img_size=(16, 24), patch_size=8
    )
    with pytest.raises(ValueError, match='takes 16 x 24: give --image-size'):
        linear_probe.probe_config(str(LINEAR), backbone, 'data', tmp_path)
