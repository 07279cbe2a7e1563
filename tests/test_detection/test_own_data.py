"""The config for own data in docs/detection.md, on data made as it says."""

import json

import pytest

pytest.importorskip('mmcv.ops', exc_type=ImportError)
pytest.importorskip('mmdet')
from mmengine.config import Config

from tests.test_detection.test_configs import first_images, toy
from tests.test_transfer.test_docs import own_config
from tests.transfer_fixtures import tool, values

SMALL = 'siameseim_vits_vitdet_mask-rcnn_1xb2-lsj-12e_coco.py'
# Names of the docs' example for three categories of COCO.
RENAMED = {'person': 'bolt', 'chair': 'nut', 'cup': 'washer'}


def write_part(shared, split, folder):
    """Images and annotations of three categories, under other names."""
    coco = shared / 'data/coco_mini'
    path = coco / f'annotations/instances_{split}2017.json'
    contents = json.loads(path.read_text())
    by_name = {c['name']: c for c in contents['categories']}
    contents['categories'] = [
        dict(by_name[name], name=new) for name, new in RENAMED.items()
    ]
    kept = {category['id'] for category in contents['categories']}
    contents['annotations'] = [
        annotation
        for annotation in contents['annotations']
        if annotation['category_id'] in kept
    ]
    if split == 'val':
        contents = first_images(contents, 4)
    (folder / f'{split}.json').write_text(json.dumps(contents))
    (folder / split).symlink_to(coco / f'{split}2017')


@pytest.mark.slow
def test_own_boxes_and_masks(weights, shared, tmp_path, monkeypatch):
    folder = tmp_path / 'data/parts'
    folder.mkdir(parents=True)
    for split in ('train', 'val'):
        write_part(shared, split, folder)
    own_config('detection', tmp_path)
    monkeypatch.chdir(tmp_path)
    options = ['own.py', '--work-dir', 'run', *toy(SMALL, weights)]
    tool('train').main(options)
    assert len(values(tmp_path / 'run', 'loss')) == 2
    assert 0 <= values(tmp_path / 'run', 'coco/segm_mAP')[0] <= 1
    classes = Config.fromfile('own.py').val_dataloader.dataset.metainfo.classes
    assert [*classes] == [*RENAMED.values()]
