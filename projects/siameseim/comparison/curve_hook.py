"""Measures the frozen backbone during a run, for any method."""

import time
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from torchvision.datasets import ImageFolder

from .frozen_scores import frozen_scores

_INFO = 'frozen_curve'


class FrozenCurveHook(Hook):
    """Keeps scores and the time that training alone has taken.

    Points are dicts of 'epoch', 'knn', 'rank', 'seconds' (wall time of the
    training epochs so far), 'cpu_seconds' (of this process in them; loading
    processes are not counted) and, at the last, 'linear'. They are in the
    checkpoint, so that a resumed run has them all.

    Args:
        splits (tuple[ImageFolder, ImageFolder]): of ``labelled_splits``.
        interval (int): epochs between two points; the untrained network and
            the last epoch always are. Defaults to 1.
        num_workers (int): processes that load images. Defaults to 2.
    """

    priority = 'LOW'  # before the checkpoint is written

    def __init__(
        self,
        splits: tuple[ImageFolder, ImageFolder],
        interval: int = 1,
        num_workers: int = 2,
    ) -> None:
        self.splits = splits
        self.interval = interval
        self.num_workers = num_workers

    def before_train(self, runner: Runner) -> None:
        """Measure the untrained network."""
        if runner.iter == 0:
            runner.message_hub.update_info(_INFO, [])
            self._add(runner, 0, dict.fromkeys(_clocks(), 0.0))

    def before_train_epoch(self, runner: Runner) -> None:
        """Start the clocks."""
        self._counted = _clocks()

    def after_train_iter(self, runner: Runner, *_: Any, **__: Any) -> None:
        """Count the time, so that any checkpoint knows it."""
        self._count(runner)

    def after_train_epoch(self, runner: Runner) -> None:
        """Measure if due."""
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        spent, done = self._count(runner), runner.epoch + 1
        due = self.every_n_epochs(runner, self.interval)
        if due or self.is_last_train_epoch(runner):
            self._add(runner, done, spent)

    def _count(self, runner: Runner) -> dict[str, float]:
        """Add the time since the last call to what the run has taken."""
        hub, spent = runner.message_hub, {}
        before, self._counted = self._counted, _clocks()
        for name, now in self._counted.items():
            so_far = hub.get_info(f'{_INFO}_{name}', 0.0)
            spent[name] = so_far + now - before[name]
            hub.update_info(f'{_INFO}_{name}', spent[name])
        return spent

    @staticmethod
    def points(runner: Runner) -> list[dict[str, Any]]:
        """What has been measured so far, in order."""
        return runner.message_hub.get_info(_INFO)

    def _add(self, runner: Runner, epoch: int, spent: dict) -> None:
        scores = frozen_scores(
            runner.model.backbone,
            runner.model.data_preprocessor,
            self.splits,
            with_linear=epoch in (0, runner.max_epochs),
            num_workers=self.num_workers,
        )
        self.points(runner).append({'epoch': epoch, **spent, **scores})
        text = ', '.join(f'{name} {v:.2f}' for name, v in scores.items())
        runner.logger.info(f'frozen backbone after epoch {epoch}: {text}')


def _clocks() -> dict[str, float]:
    return dict(seconds=time.perf_counter(), cpu_seconds=time.process_time())
