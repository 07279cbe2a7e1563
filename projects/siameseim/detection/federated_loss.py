"""Sigmoid classification with the federated loss of LVIS."""

import torch
import torch.nn.functional as F
from mmdet.registry import HOOKS, MODELS
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.utils.data import Dataset

from ..transfer.loaders import inner_datasets


@MODELS.register_module()
class SiameseIMFederatedLoss(nn.Module):
    """Binary cross-entropy over the classes a batch is responsible for.

    An LVIS image is annotated for some classes only, so most classes tell
    nothing about a box. Each batch counts the classes it contains and
    others drawn without replacement, with a probability that grows with the
    square root of the number of training images of a class, up to
    ``num_classes_counted`` in all (https://arxiv.org/abs/2103.07461, section
    5.1). As in detectron2 the background, where boxes have it, takes one of
    these places, though it has no output.

    The numbers of images come from the training set, by
    ``SiameseIMImageCountHook``.

    Args:
        num_classes (int): K, without background.
        num_classes_counted (int): classes counted in a batch.
            Defaults to 50.
        power (float): of the number of images. Defaults to 0.5.
        loss_weight (float): factor. Defaults to 1.0.
    """

    # mmdet's box head asks a loss for these three.
    custom_cls_channels = True
    custom_activation = True
    custom_accuracy = True

    class_weights: Tensor | None

    def __init__(
        self,
        num_classes: int,
        num_classes_counted: int = 50,
        power: float = 0.5,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.num_classes_counted = num_classes_counted
        self.power = power
        self.loss_weight = loss_weight
        self.register_buffer('class_weights', None, persistent=False)

    def set_image_counts(self, counts: Tensor) -> None:
        """Say how many training images contain each class.

        Args:
            counts (Tensor): (K,), not negative.
        """
        self.class_weights = counts.float() ** self.power

    def forward(
        self,
        cls_score: Tensor,
        label: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """Sum over counted classes, averaged over boxes.

        Args:
            cls_score (Tensor): (N, K) logits.
            label (Tensor): (N,) classes, K for background.
            weight (Tensor, optional): (N,) weights of the boxes.
            avg_factor (float, optional): divisor. Defaults to None: N.
            reduction_override (str, optional): only None and 'mean'.

        Returns:
            Tensor: scalar.
        """
        if reduction_override not in (None, 'mean'):
            raise ValueError(
                f'reduction_override={reduction_override!r} is not supported'
            )
        target = F.one_hot(label, self.num_classes + 1)[:, :-1]
        loss = F.binary_cross_entropy_with_logits(
            cls_score.float(), target.float(), reduction='none'
        )
        loss = loss[:, self.counted_classes(label)].sum(dim=1)
        if weight is not None:
            loss = loss * weight
        divisor = len(label) if avg_factor is None else avg_factor
        return self.loss_weight * loss.sum() / divisor

    def counted_classes(self, label: Tensor) -> Tensor:
        """Classes of a batch: those it contains, and drawn ones.

        Args:
            label (Tensor): (N,) classes, K for background.

        Returns:
            Tensor: class indices without repetition, background left out.

        Raises:
            RuntimeError: if the image counts were never set.
        """
        if self.class_weights is None:
            raise RuntimeError(
                'SiameseIMFederatedLoss does not know how many images each '
                "class has: add dict(type='SiameseIMImageCountHook') to "
                'custom_hooks'
            )
        present = label.unique()
        weights = self.class_weights.to(label.device, copy=True)
        objects = present[present < self.num_classes]
        weights[objects] = 0
        places = self.num_classes_counted - len(present)
        places = min(places, int(weights.count_nonzero()))
        if places <= 0:
            return objects
        return torch.cat([objects, weights.multinomial(places)])

    def get_cls_channels(self, num_classes: int) -> int:
        """Outputs of the box head: one for each class, no background."""
        return num_classes

    def get_activation(self, cls_score: Tensor) -> Tensor:
        """Scores for mmdet's NMS, which drops the last column.

        Args:
            cls_score (Tensor): (N, K) logits.

        Returns:
            Tensor: (N, K + 1); the background's column is zero.
        """
        return F.pad(cls_score.sigmoid(), (0, 1))

    def get_accuracy(self, cls_score: Tensor, label: Tensor) -> dict:
        """Share of object boxes whose class has the highest logit."""
        objects = label < self.num_classes
        right = cls_score[objects].argmax(dim=1) == label[objects]
        return dict(acc_objects=100 * right.float().sum() / max(len(right), 1))


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
    """How many images of mmdet's data contain each class: (K,) int64."""
    counts = torch.zeros(num_classes, dtype=torch.long)
    for part in inner_datasets(dataset):
        for index in range(len(part)):
            counts[sorted({*part.get_cat_ids(index)})] += 1
    return counts
