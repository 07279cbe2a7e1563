"""Annotations that mmdet drops, cannot read or scores on other images."""

import pytest

pytest.importorskip('mmcv.ops', exc_type=ImportError)
pytest.importorskip('mmdet')

from siameseim.detection.annotation_file import read_annotations
from siameseim.detection.category_check import check_masks, left_out
from siameseim.errors import InputError
from tests.transfer_fixtures import tool

SQUARE = [[0, 0, 9, 0, 9, 9, 0, 9]]


def annotation(id, image_id=1, category_id=1, **more):
    return dict(
        id=id,
        image_id=image_id,
        category_id=category_id,
        **(dict(bbox=[0, 0, 9, 9], area=81, segmentation=SQUARE) | more),
    )


def test_forgotten_classes_and_broken_annotations_are_counted(written):
    file = written(
        annotation(1),
        annotation(2, category_id=3),
        annotation(3, category_id=3),
        annotation(4, category_id=99),
        annotation(5, image_id=7),
    )
    said = left_out(file, cat_ids=[1, 2])
    assert "own.json: 2 annotations of 'washer'" in said
    assert '1 annotations of category_id 99, which is not in "categ' in said
    assert '1 annotations of images that the file does not list' in said
    assert 'id 5 and image_id 7' in said


def test_no_warning_where_all_are_used(written):
    file = written(annotation(1), annotation(2, category_id=99, ignore=1))
    assert left_out(file, cat_ids=[1, 2, 3]) is None


@pytest.mark.parametrize('absent', [{}, {'segmentation': []}])
def test_annotations_without_mask_are_named(absent, written):
    bare = annotation(8, image_id=2)
    del bare['segmentation']
    file = written(annotation(1), bare | absent, {**bare, 'id': 9})
    said = r'2 annotations of .*own.json.*"segmentation".*id 8 .*image_id 2'
    with pytest.raises(InputError, match=said):
        check_masks(file, cat_ids=[1])
    check_masks(file, cat_ids=[2])  # those left out need none


@pytest.mark.parametrize(
    'text, said',
    [
        ('{"images": [', 'own.json is not JSON'),
        ('{"images": []}', 'own.json has no "categories" .it has: images.'),
        ('[]', 'own.json has no "categories"'),
        ('{"categories": [{"id": 1}], "images": []}', "own.json.*no 'name'"),
        ('{"categories": [], "images": [{"id": 1}]}', "own.json.*no 'width'"),
    ],
)
def test_a_file_of_another_format_is_named(text, said, tmp_path):
    path = tmp_path / 'own.json'
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_annotations(str(path))


def test_a_corrected_file_is_read_again(written):
    first = written(annotation(1))
    assert first.counts[1] == 1
    assert written(annotation(1), annotation(2)).counts[1] == 2


def refused(said, command, *options):
    with pytest.raises(SystemExit, match=said):
        tool('train').main([*command, *options])


def test_a_part_of_the_scored_images_stops_training(command, tmp_path):
    said = r'error: val_dataloader has 2 images .* has 4, .* 2 are the same'
    refused(said, command, 'val_dataloader.dataset.indices=2')
    assert not [*tmp_path.glob('*.pth')]


def test_other_scored_images_stop_training(command, tmp_path):
    train = tmp_path / 'coco/annotations/instances_train2017.json'
    said = 'error: .*val2017.json.*val_evaluator.ann_file has 60, .* 0 are'
    refused(said, command, f'val_evaluator.ann_file={train}')


def test_an_evaluator_that_only_writes_scores_nothing(command, tmp_path):
    tool('train').main(
        [
            *command,
            'val_dataloader.dataset.indices=1',
            'val_evaluator.format_only=True',
            f'val_evaluator.outfile_prefix={tmp_path}/found',
        ]
    )
    assert (tmp_path / 'found.bbox.json').exists()


@pytest.mark.parametrize(
    ('split', 'classes', 'said'),
    [
        ('train', 'bolt,nut', "'bolt'.*'person'.*metainfo"),
        ('train', 'person,bolt', "no category .*'bolt'.*metainfo"),
        ('val', 'person,bolt', "val2017.json has no category .*'bolt'"),
    ],
)
def test_other_classes_stop_training_before_it_begins(
    split, classes, said, command, tmp_path
):
    """COCO's annotations under a config that names other classes."""
    option = f'{split}_dataloader.dataset.metainfo.classes={classes}'
    refused(f'error: .*{said}', command, option)
    assert not [*tmp_path.glob('*.pth')]


def test_a_missing_mask_stops_training(command, change):
    change('train', lambda c: c['annotations'][3].pop('segmentation'))
    refused('error: 1 annotations of .*train2017.json have no "seg', command)


@pytest.mark.parametrize('split', ['train', 'val'])
def test_no_json_stops_training(split, command, tmp_path):
    path = tmp_path / f'coco/annotations/instances_{split}2017.json'
    path.write_text('{"images": [')
    refused(f'error: .*{split}2017.json is not JSON', command)


def test_a_file_without_annotations_is_told_from_other_classes(
    command, change
):
    change('train', lambda c: c.pop('annotations'))
    refused('train2017.json has no annotations of its images', command)


def test_the_log_warns_once_of_what_is_left_out(command, change, tmp_path):
    change('val', lambda c: c['annotations'][0].update(category_id=99))
    tool('train').main(command)
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert log.count('1 annotations of category_id 99') == 1
