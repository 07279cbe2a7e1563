"""The linear probe's schedule, weights, and what it cannot be fitted to."""

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from siameseim.evaluation import frozen, linear_probe
from tests.transfer_fixtures import ROOT, forget_visualizers, tool
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


def test_the_probe_learns_on_the_device_that_was_named(
    colours, tmp_path, monkeypatch
):
    backbone = dict(type='SiameseIMViT', arch=TINY, img_size=16, patch_size=4)
    cfg = linear_probe.probe_config(
        str(LINEAR), backbone, str(colours), tmp_path, 1, 8, 0
    )

    def train(runner):
        raise RuntimeError(next(runner.model.parameters()).device.type)

    monkeypatch.setattr(Runner, 'train', train)
    forget_visualizers()
    with pytest.raises(RuntimeError, match='meta'):
        linear_probe.run_probe(cfg, 'meta')


def test_an_untrained_network_is_the_same_in_all_rows(colours, tmp_path):
    config = tmp_path / 'untrained.py'
    config.write_text(
        f"model = dict(backbone=dict(type='SiameseIMViT', arch={TINY},"
        ' img_size=16, patch_size=4))\n'
    )
    forget_visualizers()
    tool('evaluate_frozen').main(
        ['--config', str(config), '--data', str(colours), '--k', '1']
        + ['--out', str(tmp_path), '--epochs', '1', '--probe-batch', '8']
        + ['--workers', '0', '--device', 'cpu']
    )
    encoded, _ = frozen.frozen_backbone(
        frozen.backbone_config('', str(config)), 'cpu'
    )
    probed = torch.load(tmp_path / 'linear/epoch_1.pth')['state_dict']
    for name, tensor in encoded.state_dict().items():
        assert torch.equal(probed[f'backbone.{name}'], tensor), name
