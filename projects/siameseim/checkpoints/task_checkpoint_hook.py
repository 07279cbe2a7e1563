"""Checkpoints of a training for a task."""

from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS


@HOOKS.register_module()
class TaskCheckpointHook(CheckpointHook):
    """Stock hook, but an old file is removed once the new one is there.

    The stock one removes it first: where one is kept, a kill or a full disk
    in between leaves none.
    """

    def _save_checkpoint_with_step(
        self, runner: Runner, step: int, meta: dict[str, Any]
    ) -> None:
        obsolete = None
        if self.max_keep_ckpts > 0:
            kept = self.keep_ckpt_ids
            if len(kept) == self.max_keep_ckpts and kept[-1] != step:
                obsolete = self.filename_tmpl.format(kept.popleft())
        super()._save_checkpoint_with_step(runner, step, meta)
        if obsolete is not None and is_main_process():
            path = self.file_backend.join_path(self.out_dir, obsolete)
            if self.file_backend.isfile(path):
                self.file_backend.remove(path)
