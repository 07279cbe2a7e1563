"""Checkpoints of a training for a task."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from ..engine.unwrap import unwrapped
from ..errors import InputError, did_you_mean


@HOOKS.register_module()
class TaskCheckpointHook(CheckpointHook):
    """Stock hook, but an old file is removed once the new one is there.

    The stock one removes it first: where one is kept, a kill or a full disk
    in between leaves none. Weights that are not finite are not saved.
    """

    def before_train(self, runner: Runner) -> None:
        """Let a resumed run save with each better score, as before the stop.

        Else its checkpoint would name a best file that is removed by then.
        """
        super().before_train(runner)
        self.last_ckpt = runner.message_hub.get_info('last_ckpt')

    def _save_checkpoint_with_step(
        self, runner: Runner, step: int, meta: dict[str, Any]
    ) -> None:
        _refuse_ruined(runner, meta['iter'])
        obsolete = []
        if self.max_keep_ckpts > 0 and step not in [*self.keep_ckpt_ids][-1:]:
            ids = [*self.keep_ckpt_ids, step]
            obsolete = ids[: -self.max_keep_ckpts]
            self.keep_ckpt_ids.append(step)  # which forgets these
            # with those to remove: a run may be killed before it has done so
            runner.message_hub.update_info('keep_ckpt_ids', ids)
        super()._save_checkpoint_with_step(runner, step, meta)
        self._remove(map(self.filename_tmpl.format, obsolete))

    def _save_best_checkpoint(
        self, runner: Runner, metrics: dict[str, float]
    ) -> None:
        if not self.save_best:
            return
        _refuse_ruined(runner, runner.iter)
        _check_scores(self.key_indicators, metrics)
        before = self._best
        self._best = [None] * len(before)  # of which nothing is removed
        super()._save_best_checkpoint(runner, metrics)
        pairs = [*zip(before, self._best, strict=True)]
        self._best = [new or old for old, new in pairs]
        self._remove(
            Path(old).name
            for old, new in pairs
            if old and new and Path(old).name != Path(new).name
        )

    @property
    def _best(self) -> list[str | None]:
        """The best file by each score."""
        if len(self.key_indicators) == 1:
            return [self.best_ckpt_path]
        return [self.best_ckpt_path_dict[key] for key in self.key_indicators]

    @_best.setter
    def _best(self, paths: list[str | None]) -> None:
        if len(self.key_indicators) == 1:
            (self.best_ckpt_path,) = paths
        else:
            pairs = zip(self.key_indicators, paths, strict=True)
            self.best_ckpt_path_dict = dict(pairs)

    def _remove(self, names: Iterable[str]) -> None:
        """Remove files of this run, not of the folder it came from."""
        if is_main_process():
            for name in names:
                path = self.file_backend.join_path(self.out_dir, name)
                if self.file_backend.isfile(path):
                    self.file_backend.remove(path)


def _check_scores(names: Iterable[str], metrics: dict[str, float]) -> None:
    """Refuse to wait for a score that a validation does not measure.

    Raises:
        InputError: naming those that it does.
    """
    for name in names:
        if name not in ('auto', *metrics):
            raise InputError(
                f'default_hooks.checkpoint.save_best: {name} is not measured, '
                f'only {", ".join(metrics)}{did_you_mean(name, metrics)}'
            )


def _refuse_ruined(runner: Runner, done: int) -> None:
    """End a run, in all processes alike, that nothing can go on from.

    Raises:
        FloatingPointError: naming a weight that is not finite.
    """
    for name, weight in unwrapped(runner.model).named_parameters():
        if not weight.isfinite().all():
            raise FloatingPointError(
                f'{name} is not finite after iteration {done}, so no '
                'checkpoint is saved there: lower '
                'optim_wrapper.optimizer.lr with --cfg-options, and --resume '
                'from the last checkpoint, if there is one'
            )
