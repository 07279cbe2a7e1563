"""Check of masks and classes before mmseg trains or measures on them."""

from collections.abc import Iterator

from mmengine.dataset import BaseDataset
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from mmseg.structures import SegDataSample
from torch import nn
from torch.utils.data import DataLoader

from ..errors import InputError
from ..transfer.data_check import DataCheckHook, check_class_count
from ..transfer.loaders import unwrap
from .mask_files import check_mask_files, check_mask_size, skipped_images

_IGNORED = 255  # mmseg's label of pixels that count nowhere


@HOOKS.register_module()
class SiameseIMSegmentationCheckHook(DataCheckHook):
    """Raises if heads or masks do not have the classes of the data set.

    The files are compared with their images once, before the first step.
    The labels are checked batch by batch, on the CPU: on a GPU a label out
    of range ends in a device-side assert that names neither file nor value,
    and mmseg's mIoU counts it as a pixel of no class.
    """

    def before_train(self, runner: Runner) -> None:
        """Check training data, and the masks of validation early."""
        super().before_train(runner)
        self._check_files(runner, runner.train_dataloader)
        if runner.val_loop is not None:
            self._check_files(runner, runner.val_dataloader)

    def before_test(self, runner: Runner) -> None:
        """Check test data."""
        super().before_test(runner)
        self._check_files(runner, runner.test_dataloader)

    def check_dataset(self, dataset: BaseDataset, model: nn.Module) -> None:
        """Compare the data set with each head and with its own pipeline."""
        for name in ('decode_head', 'auxiliary_head'):
            head = getattr(model, name, None)
            if head is not None:
                check_class_count(
                    f'model.{name}',
                    head.num_classes,
                    dataset.metainfo['classes'],
                )
        _check_zero_label(dataset)

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Check the labels of one batch, which is not yet on the device."""
        _check_labels(runner.train_dataloader.dataset.metainfo, data_batch)

    def before_val_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Check labels and mask sizes of one batch, as in training."""
        _check_labels(runner.val_dataloader.dataset.metainfo, data_batch)
        _check_sizes(data_batch)

    def before_test_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Check labels and mask sizes of one batch, as in training."""
        _check_labels(runner.test_dataloader.dataset.metainfo, data_batch)
        _check_sizes(data_batch)

    def _check_files(self, runner: Runner, loader: DataLoader) -> None:
        for dataset in unwrap(loader.dataset):
            check_mask_files(dataset)
            skipped = skipped_images(dataset)
            if skipped:
                more = ', ...' if len(skipped) > 3 else ''
                runner.logger.warning(
                    f'{len(skipped)} images of '
                    f'{dataset.data_prefix["img_path"]} have a mask but are '
                    f'not used, since img_suffix={dataset.img_suffix!r}: '
                    f'{", ".join(skipped[:3])}{more}. Save them with that '
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


def _check_labels(metainfo: dict, data_batch: dict | None) -> None:
    """Raise if a mask has a label that is no class."""
    classes = len(metainfo['classes'])
    for sample in _labelled(data_batch):
        labels = sample.gt_sem_seg.data
        highest = int(labels.where(labels != _IGNORED, -1).max())
        if highest >= classes:
            raise InputError(
                f'mask {sample.seg_map_path} has the label {highest}, '
                f'but the data set has the classes 0 to {classes - 1} '
                f'(and {_IGNORED}: ignored): correct '
                'metainfo=dict(classes=...), reduce_zero_label or the '
                'mask'
            )


def _check_sizes(data_batch: dict | None) -> None:
    """Raise if a mask that is measured has not the size of its image."""
    for sample in _labelled(data_batch):
        height, width = sample.ori_shape[:2]
        size = tuple(sample.gt_sem_seg.data.shape[:-3:-1])  # (width, height)
        check_mask_size(sample.seg_map_path, size, (width, height))


def _labelled(data_batch: dict | None) -> Iterator[SegDataSample]:
    """The samples of a batch that have a mask, one view of each."""
    samples = (data_batch or {}).get('data_samples', [])
    if samples and isinstance(samples[0], tuple):  # views of --tta
        samples = samples[0]
    return (sample for sample in samples if 'gt_sem_seg' in sample)
