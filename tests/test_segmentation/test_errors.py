"""Data that do not fit a segmentor: the value and the cure."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import PixelData
from PIL import Image

pytest.importorskip('mmseg')
from mmseg.structures import SegDataSample

from siameseim.errors import InputError
from siameseim.segmentation.label_check import SiameseIMSegmentationCheckHook
from tests.test_segmentation.test_configs import UPERNET_ADE, argv
from tests.transfer_fixtures import tool


def check(labels, split='train', classes=3, **info):
    dataset = SimpleNamespace(metainfo=dict(classes=tuple('abcdef'[:classes])))
    loader = SimpleNamespace(dataset=dataset)
    runner = SimpleNamespace(**{f'{split}_dataloader': loader})
    hook = SiameseIMSegmentationCheckHook()
    step = getattr(hook, f'before_{split}_iter')
    step(runner, 0, dict(data_samples=[sample_of(labels, **info)]))


def sample_of(labels, **info):
    info = dict(seg_map_path='masks/7.png', ori_shape=(2, 2)) | info
    sample = SegDataSample(metainfo=info)
    sample.gt_sem_seg = PixelData(data=torch.tensor([labels]))
    return sample


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_a_label_that_is_no_class_names_mask_and_value(split):
    with pytest.raises(InputError, match='masks/7.png has the label 3.*0 to'):
        check([[0, 3], [1, 255]], split)


@pytest.mark.parametrize('shifted', [False, True])
def test_a_label_is_told_as_the_mask_has_it(shifted):
    with pytest.raises(InputError) as error:
        check([[0, 3]], reduce_zero_label=shifted)
    assert ('the value 4 in the file' in str(error.value)) == shifted


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_all_classes_and_ignored_pixels_pass(split):
    check([[0, 1], [2, 255]], split)


@pytest.mark.parametrize('read', [None, False, True])
def test_masks_must_be_read_as_the_data_set_says(read):
    step = SimpleNamespace(reduce_zero_label=read)
    pipeline = SimpleNamespace(transforms=[SimpleNamespace(), step])
    dataset = SimpleNamespace(pipeline=pipeline, reduce_zero_label=False)
    hook, model = SiameseIMSegmentationCheckHook(), SimpleNamespace()
    if read is True:
        with pytest.raises(InputError, match='step 1 of its pipeline .* True'):
            hook.check_dataset(dataset, model)
    else:
        hook.check_dataset(dataset, model)


@pytest.mark.parametrize('split', ['val', 'test'])
def test_a_measured_mask_of_another_size_is_named(split):
    with pytest.raises(InputError, match='7.png is 2 x 2 .* image is 3 x 2'):
        check([[0, 1], [2, 255]], split, ori_shape=(2, 3))


def test_views_of_one_image_are_checked_and_no_mask_is_needed():
    dataset = SimpleNamespace(metainfo=dict(classes=('a',)))
    loader = SimpleNamespace(dataset=dataset)
    runner = SimpleNamespace(test_dataloader=loader)
    hook = SiameseIMSegmentationCheckHook()
    hook.before_test_iter(runner, 0, dict(data_samples=[SegDataSample()]))
    sample = sample_of([[0, 1], [0, 0]])
    image = dict(inputs=[None, None], data_samples=[sample, sample])
    with pytest.raises(InputError, match='the label 1'):
        hook.before_test_iter(runner, 0, pseudo_collate([image]))


def test_a_head_with_other_classes_is_refused(weights, shared, tmp_path):
    options = argv(UPERNET_ADE, weights, shared, tmp_path)
    said = 'error: .*decode_head.num_classes=19.*150 classes'
    with pytest.raises(SystemExit, match=said):
        tool('train').main([*options, 'model.decode_head.num_classes=19'])


def test_images_of_another_suffix_are_an_error(weights, shared, tmp_path):
    data = tmp_path / 'empty'
    for part in ('images', 'annotations'):
        for split in ('training', 'validation'):
            (data / part / split).mkdir(parents=True)
            pixels = Image.fromarray(np.zeros((8, 8), np.uint8))
            pixels.save(data / part / split / 'a.bmp')
    options = argv(UPERNET_ADE, weights, shared, tmp_path)
    root = f'train_dataloader.dataset.data_root={data}'
    with pytest.raises(SystemExit, match='no training.*ADE20K.*img_suffix'):
        tool('train').main([*options, root])
