"""Labels of the first batches: nothing to learn, and missing classes."""

import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.structures import PixelData

pytest.importorskip('mmseg')
from mmseg.structures import SegDataSample

from siameseim.errors import InputError
from siameseim.segmentation.label_check import SiameseIMFirstLabelsHook


class Loader(list):
    """As many batches as an epoch has."""

    dataset = SimpleNamespace(metainfo=dict(classes=('field', 'road')))


def run(batches, max_iters=1000, start=0, **read):
    """Give the hook one small mask a batch, read in that way."""
    runner = SimpleNamespace(
        train_dataloader=Loader(batches),
        max_iters=max_iters,
        iter=start,
        logger=logging.getLogger('mmengine'),
    )
    hook = SiameseIMFirstLabelsHook()
    hook.before_train(runner)
    for labels in batches:
        sample = SegDataSample(
            metainfo=dict(seg_map_path='masks/7.png', **read)
        )
        if labels:
            sample.gt_sem_seg = PixelData(data=torch.tensor([[labels]]))
        hook.before_train_iter(runner, 0, dict(data_samples=[sample]))


@pytest.fixture
def warnings(monkeypatch):
    """What was logged as a warning."""
    said = []
    logger = logging.getLogger('mmengine')
    monkeypatch.setattr(logger, 'warning', said.append)
    return said


def test_ten_batches_of_ignored_labels_stop_the_run():
    with pytest.raises(InputError, match='first 10 batches is 255.*7.png'):
        run([[255, 255]] * 10)


def test_the_last_mask_is_named_after_batches_without_any():
    with pytest.raises(InputError, match='first 10 batches is 255.*7.png'):
        run([[255, 255]] * 9 + [[]])


def test_one_label_in_ten_batches_is_enough(warnings):
    run([[255, 255]] * 9 + [[0, 1]] * 2)
    assert not warnings


def test_a_shorter_run_is_judged_by_what_it_has():
    with pytest.raises(InputError, match='first 2 batches'):
        run([[255, 255]] * 20, max_iters=102, start=100)


def test_foreground_saved_as_255_is_a_missing_class(warnings):
    run([[0, 255]] * 12)
    (said,) = warnings
    assert '1 of 2 classes did not occur in the first 12 batches: road' in said


@pytest.mark.parametrize('shifted', [True, False, None])
def test_a_last_class_lost_by_the_shift_of_labels_is_told_of(
    warnings, shifted
):
    """Masks of 0 and 1 read as those of 1 and 2."""
    run([[255, 0]] * 12, reduce_zero_label=shifted)
    (said,) = warnings
    assert ('set False in data sets and pipelines' in said) == bool(shifted)
