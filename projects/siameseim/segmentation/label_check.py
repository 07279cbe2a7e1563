"""Check of masks and classes before mmseg trains on them."""

from mmengine.dataset import BaseDataset
from mmengine.runner import Runner
from mmseg.registry import HOOKS
from torch import nn

from ..errors import InputError
from ..transfer.data_check import DataCheckHook, check_class_count

_IGNORED = 255  # mmseg's label of pixels that count nowhere


@HOOKS.register_module()
class SiameseIMSegmentationCheckHook(DataCheckHook):
    """Raises if heads or masks do not have the classes of the data set.

    The masks are checked batch by batch, on the CPU, before each training
    step: on a GPU a label out of range ends in a device-side assert that
    names neither file nor value.
    """

    def check_dataset(self, dataset: BaseDataset, model: nn.Module) -> None:
        """Compare the classes of each head with those of the data set."""
        for name in ('decode_head', 'auxiliary_head'):
            head = getattr(model, name, None)
            if head is not None:
                check_class_count(
                    f'model.{name}',
                    head.num_classes,
                    dataset.metainfo['classes'],
                )

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Check the labels of one batch.

        Args:
            runner (Runner): knows the classes of the data set.
            batch_idx (int): not used.
            data_batch (dict): with ``data_samples``, not yet on the device.

        Raises:
            InputError: naming the mask with a label that is no class.
        """
        classes = len(runner.train_dataloader.dataset.metainfo['classes'])
        for sample in (data_batch or {}).get('data_samples', []):
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
