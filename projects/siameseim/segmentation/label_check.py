"""Checks of masks, labels and classes that mmseg trains or measures on."""

from collections.abc import Iterator

import torch
from mmengine.dataset import BaseDataset
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample
from torch import Tensor, nn

from ..errors import InputError, some
from ..log import warn
from ..transfer.data_check import DataCheckHook, check_class_count
from .mask_files import check_mask_files, check_mask_size, skipped_images

_IGNORED = 255  # mmseg's label of pixels that count nowhere
_FIRST = 10  # batches of which one must have a label
_ZERO_IS_NONE = (
    '; so is 0 with reduce_zero_label=True, where 1 is the first class: set '
    'False in data sets and pipelines if 0 is the first'
)


@HOOKS.register_module()
class SiameseIMSegmentationCheckHook(DataCheckHook):
    """Raises if heads or masks do not have the classes of the data set.

    The files are compared with their images once, before the first step.
    The labels are checked batch by batch, on the CPU: on a GPU a label out
    of range ends in a device-side assert that names neither file nor value,
    and mmseg's mIoU counts it as a pixel of no class.
    """

    def check_dataset(self, dataset: BaseDataset, model: nn.Module) -> None:
        """Compare the data set with heads, its own pipeline and its files."""
        for name in ('decode_head', 'auxiliary_head'):
            head = getattr(model, name, None)
            if head is not None:
                check_class_count(
                    f'model.{name}',
                    head.num_classes,
                    dataset.metainfo['classes'],
                )
        _check_zero_label(dataset)
        check_mask_files(dataset)
        _warn_of_skipped(dataset)

    def _before_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: dict | None = None,
        mode: str = 'train',
    ) -> None:
        """Check the labels of one batch, which is not yet on the device.

        Those that are measured must have the size of their image too.
        """
        metainfo = getattr(runner, f'{mode}_dataloader').dataset.metainfo
        for sample in _labelled(data_batch):
            _check_labels(sample, len(metainfo['classes']))
            if mode != 'train':
                _check_size(sample)


@HOOKS.register_module()
class SiameseIMFirstLabelsHook(Hook):
    """Raises if nothing can be learnt, warns of classes that do not occur.

    Masks saved as 0 and 255 train without a word: 255 counts nowhere, so the
    foreground is never learnt, and with ``reduce_zero_label=True`` nothing.

    Labels are counted on the CPU, in the first epoch only; processes add up
    their counts twice.
    """

    def before_train(self, runner: Runner) -> None:
        """Count the batches of an epoch, or of what is left of the run."""
        epoch = len(runner.train_dataloader) // get_world_size()
        self._last = max(1, min(epoch, runner.max_iters - runner.iter))
        self._batches = 0
        self._mask, self._shifted = 'none', False  # the last one
        self._counts = torch.zeros(_IGNORED + 1, dtype=torch.int64)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Count the labels of one batch.

        ``batch_idx`` does not tell how many were seen: a resumed run counts
        from its start.

        Raises:
            InputError: if all labels of the first batches are ignored.
        """
        if self._batches == self._last:
            return
        self._batches += 1
        for sample in _labelled(data_batch):
            labels = sample.gt_sem_seg.data.flatten()
            self._counts += torch.bincount(labels, minlength=_IGNORED + 1)
            self._mask = sample.seg_map_path
            self._shifted = sample.get('reduce_zero_label', False)
        if self._batches == min(_FIRST, self._last):
            self._check_any()
        if self._batches == self._last:
            self._warn_of_missing(runner)

    def _check_any(self) -> None:
        if not self._occur()[:_IGNORED].any():
            raise InputError(
                f'every label of the first {self._batches} batches is '
                f'{_IGNORED} (ignored), so nothing is learnt; the last mask '
                f'is {self._mask}: save masks as 0, 1, ... (with '
                'reduce_zero_label=True as 1, 2, ..., and 0 for pixels that '
                f'count nowhere), not as {_IGNORED}'
            )

    def _warn_of_missing(self, runner: Runner) -> None:
        classes = runner.train_dataloader.dataset.metainfo['classes']
        occur = self._occur()
        missing = [
            c for c, found in zip(classes, occur, strict=False) if not found
        ]
        if missing:
            shifted = self._shifted and missing == [classes[-1]]
            runner.logger.warning(
                f'{len(missing)} of {len(classes)} classes did not occur in '
                f'the first {self._batches} batches: '
                f'{some(missing)}. What no mask has is not learnt; '
                f'{_IGNORED} in a mask is ignored, not a class'
                f'{_ZERO_IS_NONE if shifted else ""}'
            )

    def _occur(self) -> Tensor:
        """Whether each label occurred in any process (256,)."""
        counts = self._counts.clone()
        all_reduce(counts)
        return counts > 0


def _warn_of_skipped(dataset: BaseDataset) -> None:
    """Tell of images that have a mask but not the suffix of the data set."""
    skipped = skipped_images(dataset)
    if skipped:
        warn(
            f'{len(skipped)} images of {dataset.data_prefix["img_path"]} have '
            'a mask but are not used, since img_suffix='
            f'{dataset.img_suffix!r}: {some(skipped)}. Save them with that '
            'suffix'
        )


def _check_zero_label(dataset: BaseDataset) -> None:
    """Raise if a step of the pipeline itself reads masks in another way."""
    said = getattr(dataset, 'reduce_zero_label', None)
    for place, step in enumerate(dataset.pipeline.transforms):
        read_so = getattr(step, 'reduce_zero_label', None)
        if None not in (said, read_so) and read_so != said:
            raise InputError(
                f'the data set has reduce_zero_label={said}, but step {place} '
                f'of its pipeline ({type(step).__name__}) has {read_so}: set '
                'both, in dataset and in dataset.pipeline, or leave it out '
                'there'
            )


def _check_labels(sample: SegDataSample, classes: int) -> None:
    """Raise if a mask has a label that is no class."""
    labels = sample.gt_sem_seg.data
    highest = int(labels.where(labels != _IGNORED, -1).max())
    if highest >= classes:
        shifted = sample.get('reduce_zero_label', False)
        value = f' (the value {highest + 1} in the file)' if shifted else ''
        raise InputError(
            f'mask {sample.seg_map_path} has the label {highest}{value}, '
            f'but the data set has the classes 0 to {classes - 1} (and '
            f'{_IGNORED}: ignored): correct metainfo=dict(classes=...), '
            'reduce_zero_label or the mask'
        )


def _check_size(sample: SegDataSample) -> None:
    """Raise if a mask that is measured has not the size of its image."""
    height, width = sample.ori_shape[:2]
    size = tuple(sample.gt_sem_seg.data.shape[:-3:-1])  # (width, height)
    check_mask_size(sample.seg_map_path, size, (width, height))


def _labelled(data_batch: dict | None) -> Iterator[SegDataSample]:
    """The samples of a batch that have a mask, one view of each."""
    samples = (data_batch or {}).get('data_samples', [])
    if samples and isinstance(samples[0], tuple):  # views of --tta
        samples = samples[0]
    return (sample for sample in samples if 'gt_sem_seg' in sample)
