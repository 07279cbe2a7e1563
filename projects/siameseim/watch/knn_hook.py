"""k-NN accuracy of the frozen backbone during a run."""

from pathlib import Path

import torch
from mmengine.dist import all_gather_object, get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import Tensor
from torch.utils.data import Subset
from torchvision.datasets import ImageFolder

from ..engine.rng_state import get_rng_state, set_rng_state
from ..evaluation.knn import knn_predict
from ..evaluation.labelled import labelled_folder, pooled_features
from ..models import SiameseIM


@HOOKS.register_module()
class KnnHook(Hook):
    """Classifies labelled images by their nearest neighbours, every epochs.

    Features are centred means of the online backbone's patch tokens, as in
    ``tools/knn.py``. The backbone runs in eval mode and is put back; no
    random number that training draws is touched. Every process encodes its
    share of the images. Logged as ``knn``, in percent.

    Args:
        bank (str, optional): folder with one folder of images per class, the
            neighbours. Defaults to None: the hook does nothing.
        queries (str, optional): likewise, the images to classify.
        interval (int): epochs between two measurements; the last epoch is
            always measured. Defaults to 1.
        k (int): neighbours that vote. Defaults to 20.
        num_workers (int): loading processes. Defaults to 2.

    Raises:
        ValueError: if only one of the folders is given.
    """

    priority = 'BELOW_NORMAL'

    def __init__(
        self,
        bank: str | None = None,
        queries: str | None = None,
        interval: int = 1,
        k: int = 20,
        num_workers: int = 2,
    ) -> None:
        if (bank is None) != (queries is None):
            raise ValueError(
                'KnnHook needs both bank and queries, or neither, but got '
                f'bank={bank!r} and queries={queries!r}'
            )
        self.folders = (bank, queries)
        self.interval = interval
        self.k = k
        self.num_workers = num_workers

    def before_train(self, runner: Runner) -> None:
        """Find the images; measure the untrained network.

        Raises:
            FileNotFoundError: if a folder has no class with images.
            ValueError: if the two folders name other classes.
        """
        if self.folders[0] is None:
            return
        size = _unwrapped(runner).backbone.img_size
        self._images = [
            labelled_folder(Path(str(folder)), size) for folder in self.folders
        ]
        first, second = (images.classes for images in self._images)
        if first != second:
            raise ValueError(
                f'{self.folders[0]} and {self.folders[1]} must hold the same '
                f'class folders, but differ in {set(first) ^ set(second)}'
            )
        if runner.iter == 0:
            self._report(runner, 0)

    def after_train_epoch(self, runner: Runner) -> None:
        """Measure if due."""
        done = runner.epoch + 1
        due = done % self.interval == 0 or done == runner.max_epochs
        if self.folders[0] is not None and due:
            self._report(runner, done)

    def _report(self, runner: Runner, epochs: int) -> None:
        """Log the accuracy to the text log and the visualizer's files."""
        state = get_rng_state()  # a data loader draws a number to start
        accuracy = self.measure(_unwrapped(runner))
        set_rng_state(state)
        runner.logger.info(
            f'k-NN accuracy (k={self.k}) after {epochs} epochs: {accuracy:.2f}'
            ' %'
        )
        runner.visualizer.add_scalars({'knn': accuracy}, step=runner.iter)

    def measure(self, model: SiameseIM) -> float:
        """Accuracy in percent, the same on all processes.

        Args:
            model (SiameseIM): its online backbone is measured.
        """
        (bank, bank_labels), (features, labels) = (
            self._encode(model, images) for images in self._images
        )
        centre = bank.mean(dim=0)
        predicted = knn_predict(
            features - centre,
            bank - centre,
            bank_labels,
            len(self._images[0].classes),
            self.k,
        )
        return 100 * (predicted == labels).float().mean().item()

    def _encode(self, model: SiameseIM, images: ImageFolder) -> tuple:
        """Features and labels of all images, a share on each process."""
        share: Subset = Subset(
            images, range(get_rank(), len(images), get_world_size())
        )
        own = pooled_features(
            model.backbone,
            model.data_preprocessor,
            share,
            num_workers=self.num_workers,
        )
        parts: list[tuple[Tensor, Tensor]] = all_gather_object(own)
        features, labels = (
            torch.cat(part) for part in zip(*parts, strict=True)
        )
        return features.float(), labels


def _unwrapped(runner: Runner) -> SiameseIM:
    model = runner.model
    return model.module if is_model_wrapper(model) else model
