"""LVIS evaluation produces the official numbers with numpy 2."""

import json

import numpy as np
import pytest
import torch

pytest.importorskip('mmcv.ops', exc_type=ImportError)
pytest.importorskip('mmdet')
pytest.importorskip('lvis')
import pycocotools.mask as mask_utils

from siameseim.detection.lvis_metric import SiameseIMLVISMetric

RARE, COMMON, FREQUENT = 0, 1, 2  # labels of the written file


@pytest.fixture
def ann_file(tmp_path):
    """Three images, each with one square of one class."""
    groups = dict(zip([RARE, COMMON, FREQUENT], 'rcf', strict=True))
    contents = dict(
        images=[
            dict(
                id=i,
                height=100,
                width=100,
                neg_category_ids=[],
                not_exhaustive_category_ids=[],
            )
            for i in range(3)
        ],
        categories=[
            dict(id=k + 1, name=f'class {k}', frequency=group)
            for k, group in groups.items()
        ],
        annotations=[
            dict(
                id=i + 1,
                image_id=i,
                category_id=i + 1,
                bbox=[10, 10, 40, 40],
                area=1600,
                iscrowd=0,
                segmentation=[[10, 10, 50, 10, 50, 50, 10, 50]],
            )
            for i in range(3)
        ],
    )
    path = tmp_path / 'lvis.json'
    path.write_text(json.dumps(contents))
    return str(path)


def evaluate(ann_file, boxes):
    """One detection of score 0.9 in each image, of the right class."""
    metric = SiameseIMLVISMetric(ann_file, metric=['bbox', 'segm'])
    metric.dataset_meta = dict(classes=('class 0', 'class 1', 'class 2'))
    for image, box in boxes.items():
        x1, y1, x2, y2 = box
        mask = np.zeros((1, 100, 100), bool)
        mask[0, y1:y2, x1:x2] = True
        found = dict(
            bboxes=torch.tensor([box], dtype=torch.float32),
            scores=torch.tensor([0.9]),
            labels=torch.tensor([image]),
            masks=torch.from_numpy(mask),
        )
        sample = dict(img_id=image, ori_shape=(100, 100), pred_instances=found)
        metric.process({}, [sample])
    return metric.evaluate(3)


def test_perfect_detections_reach_one_in_every_group(ann_file):
    scores = evaluate(ann_file, dict.fromkeys(range(3), [10, 10, 50, 50]))
    for kind in ('bbox', 'segm'):
        for group in ('AP', 'AP50', 'APr', 'APc', 'APf'):
            assert scores[f'lvis/{kind}_{group}'] == 1.0


def test_each_group_counts_its_own_classes(ann_file):
    right, shifted = [10, 10, 50, 50], [18, 10, 58, 50]
    scores = evaluate(
        ann_file, {RARE: right, COMMON: shifted, FREQUENT: [60, 60, 90, 90]}
    )
    # Shifted by 8 of 40 pixels the IoU is 32 / 48 = 0.667: right at 0.5,
    # 0.55, 0.6 and 0.65, four of the ten thresholds.
    assert scores['lvis/bbox_APr'] == 1.0
    assert scores['lvis/bbox_APc'] == pytest.approx(0.4, abs=1e-3)
    assert scores['lvis/bbox_APf'] == 0.0
    assert scores['lvis/bbox_AP'] == pytest.approx(1.4 / 3, abs=1e-3)


def test_numpy_is_left_as_it_was(ann_file):
    before = 'float' in vars(np)
    evaluate(ann_file, {RARE: [10, 10, 50, 50]})
    assert ('float' in vars(np)) == before


def test_the_real_annotations_give_one_when_repeated(shared):
    """Ground truth as detections, on real LVIS images."""
    folder = shared / 'data/lvis_mini/annotations'
    path = folder / 'lvis_v1_val_real7.json'
    contents = json.loads(path.read_text())
    sizes = {i['id']: (i['height'], i['width']) for i in contents['images']}
    order = sorted(c['id'] for c in contents['categories'])
    metric = SiameseIMLVISMetric(str(path), metric=['bbox', 'segm'])
    metric.dataset_meta = dict(
        classes=tuple(c['name'] for c in contents['categories'])
    )
    for image, size in sizes.items():
        found = [a for a in contents['annotations'] if a['image_id'] == image]
        masks = [
            mask_utils.decode(
                mask_utils.merge(
                    mask_utils.frPyObjects(a['segmentation'], *size)
                )
            )
            for a in found
        ]
        boxes = torch.tensor([a['bbox'] for a in found]).view(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        prediction = dict(
            bboxes=boxes,
            scores=torch.full((len(found),), 0.9),
            labels=torch.tensor(
                [order.index(a['category_id']) for a in found]
            ),
            masks=torch.from_numpy(np.array(masks, dtype=bool)),
        )
        metric.process(
            {},
            [dict(img_id=image, ori_shape=size, pred_instances=prediction)],
        )
    scores = metric.evaluate(len(sizes))
    assert scores['lvis/bbox_AP'] == 1.0
    assert scores['lvis/segm_AP'] == 1.0
    assert scores['lvis/bbox_APf'] == 1.0
    assert scores['lvis/bbox_APr'] == -1  # no instance of a rare class
