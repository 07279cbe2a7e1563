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
        obsolete = []
        if self.max_keep_ckpts > 0 and step not in [*self.keep_ckpt_ids][-1:]:
            ids = [*self.keep_ckpt_ids, step]
            obsolete = ids[: -self.max_keep_ckpts]
            self.keep_ckpt_ids.append(step)  # which forgets these
            # with those to remove: a run may be killed before it has done so
            runner.message_hub.update_info('keep_ckpt_ids', ids)
        super()._save_checkpoint_with_step(runner, step, meta)
        if is_main_process():
            for old in map(self.filename_tmpl.format, obsolete):
                path = self.file_backend.join_path(self.out_dir, old)
                if self.file_backend.isfile(path):
                    self.file_backend.remove(path)
