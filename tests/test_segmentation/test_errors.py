"""Data that do not fit a segmentor: the value and the cure."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.structures import PixelData
from PIL import Image

pytest.importorskip('mmseg')
from mmseg.structures import SegDataSample

from siameseim.segmentation.label_check import SiameseIMSegmentationCheckHook
from tests.test_segmentation.test_configs import FOLDER, UPERNET_ADE, argv
from tests.transfer_fixtures import tool


def check(labels, classes=3):
    dataset = SimpleNamespace(metainfo=dict(classes=tuple('abcdef'[:classes])))
    runner = SimpleNamespace(train_dataloader=SimpleNamespace(dataset=dataset))
    sample = SegDataSample(metainfo=dict(seg_map_path='masks/7.png'))
    sample.gt_sem_seg = PixelData(data=torch.tensor([labels]))
    hook = SiameseIMSegmentationCheckHook()
    hook.before_train_iter(runner, 0, dict(data_samples=[sample]))


def test_a_label_that_is_no_class_names_mask_and_value():
    with pytest.raises(ValueError, match='masks/7.png has the label 3.*0 to'):
        check([[0, 3], [1, 255]])


def test_all_classes_and_ignored_pixels_pass():
    check([[0, 1], [2, 255]])


def test_a_wrong_data_folder_is_named_with_the_cure(tmp_path):
    options = [str(FOLDER / UPERNET_ADE), '--work-dir', str(tmp_path)]
    with pytest.raises(SystemExit) as stopped:
        tool('train').main([*options, '--data', '/nowhere/ade'])
    assert '/nowhere/ade/images/training' in str(stopped.value)
    assert '--data' in str(stopped.value)


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
