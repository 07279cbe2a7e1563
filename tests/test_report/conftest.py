"""A short run of the smoke config, and the page made of it."""

import numpy as np
import pytest
from PIL import Image

from tests.transfer_fixtures import ROOT, tool


@pytest.fixture(scope='session')
def photos(tmp_path_factory):
    """Twelve images of different sizes with large shapes."""
    folder = tmp_path_factory.mktemp('photos')
    rng = np.random.default_rng(0)
    for i in range(12):
        pixels = np.full((60 + i, 70, 3), rng.integers(0, 255, 3), np.uint8)
        pixels[10:40, 10 : 30 + i] = rng.integers(0, 255, 3)
        Image.fromarray(pixels).save(folder / f'{i}.png')
    return folder


@pytest.fixture(scope='session')
def run(photos, tmp_path_factory):
    """Work directory of two epochs with pictures at the end."""
    root = tmp_path_factory.mktemp('run')
    config = root / 'report_run.py'
    config.write_text(
        f'_base_ = [{str(ROOT / "configs/siameseim_smoke.py")!r}]\n'
        'log_level = "WARNING"\nexperiment_name = "report_run"\n'
        'optim_wrapper = dict(precision="fp32")\n'
        'default_hooks = dict(features=dict(interval=2), '
        f'pictures=dict(images={str(photos)!r}, interval=2))\n'
    )
    train = tool('train')
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('torch.cuda.is_available', lambda: False)
        patch.setattr('mmengine.device.utils.DEVICE', 'cpu')
        train.main(
            [str(config), '--data', str(photos), '--work-dir', str(root / 'w')]
        )
    return root / 'w'


@pytest.fixture(scope='session')
def report(run, photos, tmp_path_factory):
    """The page that tools/report.py writes."""
    out = tmp_path_factory.mktemp('page') / 'report.html'
    arguments = [str(run), '--images', str(photos), '--out', str(out)]
    tool('report').main(arguments)
    return out
