"""Boxes that mmdet leaves out, and data that have no others."""

import pytest
from mmengine.dataset import RepeatDataset

pytest.importorskip('mmcv.ops', exc_type=ImportError)
pytest.importorskip('mmdet')
from mmdet.datasets import CocoDataset, ConcatDataset

from siameseim.detection.category_check import left_out, no_objects
from siameseim.errors import InputError
from tests.test_detection.test_annotations import annotation, refused
from tests.transfer_fixtures import tool


def coco(path):
    classes = ('bolt', 'nut', 'washer')
    return CocoDataset(
        ann_file=path,
        data_prefix=dict(img='images'),
        metainfo=dict(classes=classes),
    )


BOXES = [
    dict(bbox=[0.2, 0.4, 0.3, 0.3]),
    dict(bbox=[99, 49, 50, 50]),
    dict(bbox=[100, 0, 9, 9]),
    dict(bbox=[0, 50, 9, 9]),
    dict(bbox=[-9, 0, 9, 9]),
    dict(bbox=[-8, -8, 9, 9]),
    dict(bbox=[5, -9, 9, 9]),
    dict(bbox=[5, 5, 0.9, 9]),
    dict(bbox=[5, 5, 9, 0.9]),
    dict(bbox=[5, 5, 1, 1]),
    dict(area=0),
    dict(area=-1),
]


def test_the_boxes_that_mmdet_leaves_out_are_counted(written):
    """Those of its own data set, one annotation each."""
    annotations = [annotation(i, **box) for i, box in enumerate(BOXES, 1)]
    file = written(*annotations)
    dataset = coco(file.path)
    kept = [
        instance['bbox'][:2]
        for index in range(len(dataset))
        for instance in dataset.get_data_info(index)['instances']
    ]
    out = {one['id'] for one in file.no_box}
    assert kept == [a['bbox'][:2] for a in annotations if a['id'] not in out]
    assert len(out) == 9
    said = left_out(file, cat_ids=[1])
    assert '9 annotations whose bbox is outside its image' in said
    assert 'id 1, bbox [0.2, 0.4, 0.3, 0.3] and area 81; bbox is [x, y' in said
    assert 'bbox' not in left_out(file, cat_ids=[2])  # their class is


def test_objects_are_sought_in_all_data_that_are_joined(written):
    bare = coco(written().path)
    told = 'own.json has no annotations of these images'
    assert told in no_objects(RepeatDataset(bare, 2))
    full = coco(written(annotation(1)).path)
    assert no_objects(ConcatDataset([bare, full])) is None


@pytest.mark.parametrize('wrong', ['bbox', 'area'])
def test_an_annotation_that_mmdet_cannot_read_is_named(wrong, written):
    said = rf'own.json: the annotation of id 4 has .*{wrong}=None.*in pixels'
    with pytest.raises(InputError, match=said):
        written(annotation(4, **{wrong: None}))


def in_units_of_the_image(contents):
    sizes = {i['id']: (i['width'], i['height']) for i in contents['images']}
    for one in contents['annotations']:
        size = sizes[one['image_id']] * 2
        one['bbox'] = [b / s for b, s in zip(one['bbox'], size, strict=True)]


def test_boxes_in_other_units_stop_training(command, change):
    change('train', in_units_of_the_image)
    refused(r'error: nothing to learn .*id 81885, bbox \[0\.\d', command)


def test_validation_without_images_stops_training(command, change):
    change('val', lambda c: c['images'].clear())
    said = 'val2017.json, the ann_file of val_dataloader, lists no images'
    refused(said, command)


def test_scores_without_objects_are_warned_of(command, change, tmp_path):
    change('val', lambda c: c['annotations'].clear())
    tool('train').main(command)
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert log.count('scores of val_dataloader will be -1 or 0') == 1
    assert 'val2017.json has no annotations of these images' in log
