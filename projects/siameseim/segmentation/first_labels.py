"""Check that the first batches have labels to learn from."""

import torch
from mmengine.dist import all_reduce, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmseg.registry import HOOKS

from ..errors import InputError, some

_IGNORED = 255  # mmseg's label of pixels that count nowhere
_FIRST = 10  # batches of which one must have a label


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
        for sample in (data_batch or {}).get('data_samples', []):
            labels = sample.gt_sem_seg.data.flatten()
            self._counts += torch.bincount(labels, minlength=_IGNORED + 1)
        if self._batches == min(_FIRST, self._last):
            self._check_labels(sample.seg_map_path)
        if self._batches == self._last:
            self._warn_of_missing(runner)

    def _check_labels(self, mask_path: str) -> None:
        if not self._occur()[:_IGNORED].any():
            raise InputError(
                f'every label of the first {self._batches} batches is '
                f'{_IGNORED} (ignored), so nothing is learnt; the last mask '
                f'is {mask_path}: save masks as 0, 1, ... (with '
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
            runner.logger.warning(
                f'{len(missing)} of {len(classes)} classes did not occur in '
                f'the first {self._batches} batches: '
                f'{some(missing)}. What no mask has is not learnt; '
                f'{_IGNORED} in a mask is ignored, not a class'
            )

    def _occur(self) -> torch.Tensor:
        """Whether each label occurred in any process (256,)."""
        counts = self._counts.clone()
        all_reduce(counts)
        return counts > 0
