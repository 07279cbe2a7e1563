"""k-NN accuracy on labelled images as a validation during pretraining."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from .labelled import folder_accuracies, labelled_splits


@HOOKS.register_module()
class KNNHook(Hook):
    """Classify a validation folder by the online backbone's features.

    Every process encodes its share of the images. The backbone is switched
    to eval mode and back, no BatchNorm buffer moves, and no random number
    that training would draw is drawn. Accuracies go to the log and, as
    ``val/knn20`` and so on, to the visualizer.

    Args:
        data (str): folder with ``train`` and ``val``, each with one folder
            of images per class.
        interval (int): epochs between two measurements; the last epoch is
            measured too. Defaults to 1.
        ks (Sequence[int]): numbers of neighbours. Defaults to (20,).
        temperature (float): of the vote. Defaults to 0.1.
        batch_size (int): images encoded at a time. Defaults to 256.
        num_workers (int): loading processes. Defaults to 2.
    """

    priority = 'LOW'

    def __init__(
        self,
        data: str,
        interval: int = 1,
        ks: Sequence[int] = (20,),
        temperature: float = 0.1,
        batch_size: int = 256,
        num_workers: int = 2,
    ) -> None:
        self.data = Path(data)
        self.interval = interval
        self.ks = [*ks]
        self.temperature = temperature
        self.loading: dict[str, Any] = dict(
            batch_size=batch_size, num_workers=num_workers
        )

    def before_train(self, runner: Runner) -> None:
        """Find the images, so that a wrong folder stops before training."""
        size = _model(runner).backbone.img_size
        self._splits = labelled_splits(
            self.data / 'train', self.data / 'val', size
        )

    def after_train_epoch(self, runner: Runner) -> None:
        """Measure where an interval ends."""
        last = self.is_last_train_epoch(runner)
        if last or self.every_n_epochs(runner, self.interval):
            self._measure(runner)

    def _measure(self, runner: Runner) -> None:
        model = _model(runner)
        scores = folder_accuracies(
            model.backbone,
            model.data_preprocessor,
            self._splits,
            self.ks,
            self.temperature,
            **self.loading,
        )
        shown = ', '.join(f'{a:.1%} with k={k}' for k, a in scores.items())
        runner.logger.info(
            f'epoch {runner.epoch + 1}: k-NN accuracy {shown} on '
            f'{len(self._splits[1])} images of {self.data / "val"}'
        )
        runner.visualizer.add_scalars(
            {f'val/knn{k}': score for k, score in scores.items()},
            step=runner.iter + 1,
        )


def _model(runner: Runner) -> Any:
    model = runner.model
    return model.module if is_model_wrapper(model) else model
