"""The config for own masks in docs/segmentation.md, made as it says."""

import numpy as np
import pytest
from PIL import Image

pytest.importorskip('mmseg')
from tests.test_segmentation.test_configs import UPERNET_ADE, toy
from tests.test_transfer.test_docs import own_config
from tests.transfer_fixtures import tool, values


def write_part(shared, source, folder, part, highest=3):
    """Real photographs with masks of 0 (counts nowhere) to ``highest``."""
    ade = shared / 'data/ade20k_mini'
    images, masks = folder / 'images' / part, folder / 'masks' / part
    images.parent.mkdir(parents=True, exist_ok=True)
    images.symlink_to(ade / 'images' / source)
    masks.mkdir(parents=True)
    for path in (ade / 'annotations' / source).glob('*.png'):
        labels = np.asarray(Image.open(path)) % (highest + 1)
        Image.fromarray(labels).save(masks / path.name)


def run(weights, shared, tmp_path, monkeypatch, train=3, val=3):
    folder = tmp_path / 'data/fields'
    write_part(shared, 'training', folder, 'train', train)
    write_part(shared, 'validation', folder, 'val', val)
    own_config('segmentation', tmp_path)
    monkeypatch.chdir(tmp_path)
    settings = [
        setting
        for setting in toy(UPERNET_ADE, weights, '')
        if 'data_root' not in setting
    ]
    tool('train').main(['own.py', '--work-dir', 'run', *settings])


@pytest.mark.slow
def test_own_masks(weights, shared, tmp_path, monkeypatch):
    run(weights, shared, tmp_path, monkeypatch)
    assert len(values(tmp_path / 'run', 'loss')) == 2
    assert 0 < values(tmp_path / 'run', 'mIoU')[0] <= 100


@pytest.mark.slow
@pytest.mark.parametrize('part', ['train', 'val'])
def test_a_mask_with_a_fourth_class_is_named(
    weights, shared, tmp_path, monkeypatch, part
):
    said = rf'error: .*mask .*masks/{part}/.*the label 3'
    with pytest.raises(SystemExit, match=said):
        run(weights, shared, tmp_path, monkeypatch, **{part: 4})


@pytest.mark.slow
def test_masks_without_a_label_are_named(
    weights, shared, tmp_path, monkeypatch
):
    said = r'error: every label .*first 2 batches is 255.*masks/train/'
    with pytest.raises(SystemExit, match=said):
        run(weights, shared, tmp_path, monkeypatch, train=0)
