"""Checks of data against model before the first step."""

from mmengine.dataset import BaseDataset
from mmengine.hooks import Hook
from mmengine.runner import Runner, TestLoop, ValLoop
from torch import nn
from torch.utils.data import Dataset

from ..engine.unwrap import unwrapped
from ..errors import InputError, some
from ..layouts.normalisation import warn_of_another
from .loaders import inner_datasets


class DataCheckHook(Hook):
    """Stops before the first step where the data do not fit the model.

    Without it a head with too few classes fails inside a CUDA kernel, and
    one with too many trains silently.

    Subclasses say in ``check_dataset`` what has to fit.
    """

    def before_train(self, runner: Runner) -> None:
        """Check the training data, and the validation data if any.

        Otherwise a long training ends at its first validation. A warning
        tells of images that are not those of the pretraining.
        """
        warn_of_other_images(runner)
        self._check(runner, runner.train_dataloader.dataset)
        if runner.val_loop is not None:
            self.check_scored(runner, runner.val_loop, 'val')

    def before_test(self, runner: Runner) -> None:
        """Check the test data."""
        self.check_scored(runner, runner.test_loop, 'test')

    def check_dataset(self, dataset: BaseDataset, model: nn.Module) -> None:
        """Raise if a data set does not fit the model.

        Args:
            dataset (BaseDataset): without the wrappers that repeat or
                balance it.
            model (nn.Module): without the wrapper of distributed training.

        Raises:
            InputError: naming the values that differ and the cure.
        """
        raise NotImplementedError

    def check_scored(
        self, runner: Runner, loop: ValLoop | TestLoop, split: str
    ) -> None:
        """Check the data of a loop that measures."""
        self._check(runner, loop.dataloader.dataset)

    def _check(self, runner: Runner, dataset: Dataset) -> None:
        model = unwrapped(runner.model)
        for part in inner_datasets(dataset):
            self.check_dataset(part, model)


def warn_of_other_images(runner: Runner) -> None:
    """Warn of images that are not those of the backbone's pretraining.

    Not where a transform normalises them, which is the user's own.
    """
    parts = inner_datasets(runner.train_dataloader.dataset)
    pipelines = [getattr(part, 'pipeline', None) for part in parts]
    steps = [s for p in pipelines for s in getattr(p, 'transforms', [])]
    if not any('Normalize' in type(step).__name__ for step in steps):
        warn_of_another(unwrapped(runner.model))


def check_class_count(name: str, head_classes: int, classes: tuple) -> None:
    """Compare the classes of the head ``name`` with the data set's.

    Raises:
        InputError: if the numbers differ.
    """
    if head_classes != len(classes):
        raise InputError(
            f'{name}.num_classes={head_classes}, but the data set has '
            f'{len(classes)} classes ({some(classes)}): set '
            f'{name}.num_classes={len(classes)}, or correct '
            "metainfo=dict(classes=...) of the data loaders' datasets"
        )
