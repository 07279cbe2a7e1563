"""Numbers of training images of each class, for the federated loss."""

import torch
from mmdet.registry import HOOKS
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor
from torch.utils.data import Dataset

from ..transfer.loaders import unwrap
from .federated_loss import SiameseIMFederatedLoss


@HOOKS.register_module()
class SiameseIMImageCountHook(Hook):
    """Counts the training images of each class before training.

    Counting in the training set itself, before any repetition of images,
    works for any data set and needs no table beside the annotations.
    """

    def before_train(self, runner: Runner) -> None:
        """Give the counts to all federated losses of the model."""
        dataset = runner.train_dataloader.dataset
        for part in runner.model.modules():
            if isinstance(part, SiameseIMFederatedLoss):
                part.set_image_counts(count_images(dataset, part.num_classes))


def count_images(dataset: Dataset, num_classes: int) -> Tensor:
    """How many images contain each class.

    Args:
        dataset (Dataset): of mmdet, in any wrappers.
        num_classes (int): K.

    Returns:
        Tensor: (K,) int64.
    """
    counts = torch.zeros(num_classes, dtype=torch.long)
    for part in unwrap(dataset):
        for index in range(len(part)):
            counts[sorted({*part.get_cat_ids(index)})] += 1
    return counts
