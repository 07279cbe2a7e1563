"""Checkpoints that a run can be resumed from exactly, and always."""

import inspect
import time
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

from mmengine.dist import (
    all_gather_object,
    barrier,
    broadcast_object_list,
    is_main_process,
)
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from ..atomic_file import remove_unfinished  # registers the backend too
from ..engine.budget import check_share
from ..engine.guard_hook import in_trouble
from ..engine.quiet import quiet
from ..engine.schedule import ends_window
from ..engine.sharded_adamw import gather_state
from ..engine.unwrap import unwrapped
from .background_write import BackgroundWriter
from .last_checkpoint import LAST_CHECKPOINT
from .resume_state import KEY, make_state, plain

# Names of files are fixed, since the resume looks for them.
_SETTINGS = inspect.signature(CheckpointHook).parameters.keys() - {
    'kwargs',
    'filename_tmpl',
    'file_client_args',
}
_LONGEST = 3600.0  # seconds that a budget may leave without one


@HOOKS.register_module()
class SafeCheckpointHook(CheckpointHook):
    """Stock hook, but each file allows an exact resume at any time.

    - Saves only where an optimizer window ends: gradients accumulated so far
      are not part of a checkpoint, so a save that falls due inside a window
      waits for its end.
    - Adds the random states of all processes.
    - Renames complete files into place, and removes old ones only then; a
      thread does so while training goes on.
    - Waits while ``NonFiniteGuardHook`` sees skipped steps in a row, since
      the checkpoint it may have to go back to must be an older one. At the
      end of a run, where no step will follow, it saves if all is finite.
    - Holds tensors and plain values only.

    Args:
        budget (float, optional): share of the time that training may wait
            for checkpoints: one that is due too soon after the last for that
            is left out, but for that of the end. None is no limit. Defaults
            to 0.02.
        **kwargs: as for ``mmengine.hooks.CheckpointHook``; ``interval`` is
            in epochs unless ``by_epoch=False``.

    Raises:
        TypeError: if an argument is not known, or is ``filename_tmpl``.
        InputError: if the budget is negative.
    """

    def __init__(self, budget: float | None = 0.02, **kwargs: Any) -> None:
        for name in kwargs.keys() - _SETTINGS:  # the stock hook would swallow
            raise TypeError(
                f'{type(self).__name__}.__init__() got an unexpected keyword '
                f'argument {name!r}'
            )
        kwargs.setdefault('backend_args', dict(backend='atomic'))
        super().__init__(**kwargs)
        check_share('checkpoint', budget)
        self._budget = budget
        self._cost = self._saved_at = 0.0  # seconds: of the last save; when
        self._due, self._saved_after = False, -1  # iterations
        self._writer = BackgroundWriter()

    def before_train(self, runner: Runner) -> None:
        """Learn which files an interrupted run left to be replaced."""
        with quiet():  # it warns of a deprecated class that it uses itself
            super().before_train(runner)
        runner.logger.info(f'checkpoints are saved in {self.out_dir}')
        if is_main_process():
            remove_unfinished(self.out_dir)
        self._kept = runner.message_hub.get_info(
            'kept_checkpoints', default=[]
        )

    def after_train_iter(
        self, runner: Runner, *args: Any, **kwargs: Any
    ) -> None:
        """Save if due by iterations, or due since an earlier one."""
        super().after_train_iter(runner, *args, **kwargs)
        if self._due and ends_window(runner, runner.iter + 1):
            self.save(runner, runner.iter + 1)

    def after_val_epoch(
        self, runner: Runner, metrics: dict[str, float]
    ) -> None:
        """Save the best, after the last, which is then written anew."""
        self.finish()
        self._state = make_state(runner)
        super().after_val_epoch(runner, metrics)

    def after_train(self, runner: Runner) -> None:
        """Wait for the last file; publish it if asked to."""
        self.finish()
        super().after_train(runner)

    def finish(self) -> None:
        """Wait until what was saved last is a file.

        All processes must call it.

        Raises:
            OSError: if it could not be written, for example on a full disk.
        """
        self._writer.finish()
        barrier()

    def last_saved(self, tried: Collection[Path] = ()) -> Path | None:
        """The newest checkpoint of this run, not of another in its folder.

        Of those that were not tried yet, if there are such.

        All processes must call it, and get the same: one that all of them
        see, as a file server may show a new file to some of them later.
        """
        self.finish()
        folder = Path(self.out_dir)
        seen = {name for name in self._kept if (folder / name).is_file()}
        by_all = set.intersection(*all_gather_object(seen))
        paths = [folder / name for name in self._kept if name in by_all]
        untried = [path for path in paths if path not in tried]
        return (untried or paths or [None])[-1]

    def save(self, runner: Runner, done: int) -> bool:
        """Save after ``done`` iterations, where an optimizer window ends.

        All processes must call it. The file is there after ``finish``.

        Returns:
            bool: False if the step was skipped, as those before may have
            been; the first good one will be saved.

        Raises:
            OSError: if the file before could not be written.
        """
        last = done == runner.max_iters
        self._due = in_trouble(runner) and not (last and _is_finite(runner))
        if self._due:
            runner.logger.warning(
                'no checkpoint is saved here: the last step was skipped, '
                'since loss or gradient was not finite'
            )
            return False
        begun = time.monotonic()
        self._state = make_state(runner)
        epoch, rest = divmod(done, len(runner.train_dataloader))
        name = f'iter_{done}.pth' if rest else f'epoch_{epoch}.pth'
        files = [kept for kept in self._kept if kept != name] + [name]
        count = self.max_keep_ckpts if self.max_keep_ckpts > 0 else len(files)
        self._kept = files[-count:]
        # with those to remove: a run may be killed before it has done so
        runner.message_hub.update_info('kept_checkpoints', files)
        if self.save_optimizer:
            gather_state(runner.optim_wrapper.optimizer)
        held: list[bytes] = []  # of the main process alone
        with quiet():
            runner.save_checkpoint(
                self.out_dir,
                name,
                save_optimizer=self.save_optimizer,
                save_param_scheduler=self.save_param_scheduler,
                meta=dict(epoch=epoch, iter=done),
                backend_args=dict(backend='held', files=held),
            )
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        for content in held:
            write = partial(self._write, content, name, files[:-count])
            self._writer.start(write)
        self._saved_after = done
        self._saved_at = time.monotonic()
        self._cost = self._saved_at - begun
        return True

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the state for the resume, drop what is not plain data."""
        checkpoint[KEY] = self._state
        hub = checkpoint['message_hub']
        info = plain(hub['runtime_info'])
        checkpoint['message_hub'] = {
            'log_scalars': {},  # smoothing windows of the log
            'runtime_info': info,
            'resumed_keys': dict.fromkeys(info, True),
        }

    def _save_checkpoint(self, runner: Runner) -> None:
        """What the stock hook calls when a checkpoint is due."""
        done = runner.iter if self.by_epoch else runner.iter + 1
        if done < runner.max_iters and not self._can_afford_one():
            runner.logger.info(
                f'... left out: the last took {self._cost:.1f} s, and they '
                f'may take {self._budget:.1%} of the time '
                '(default_hooks.checkpoint.budget=None for each)'
            )
        elif ends_window(runner, done):
            self.save(runner, done)
        else:
            runner.logger.info('... when the optimizer step is complete')
            self._due = True

    def _save_checkpoint_with_step(self, runner: Runner, *_: Any) -> None:
        """What the stock hook calls to keep the best score in the last file.

        A run that goes on from one of an earlier epoch finds it again.
        """
        if self._saved_after == runner.iter:
            self.save(runner, runner.iter)

    def _can_afford_one(self) -> bool:
        """Whether one more now keeps to the budget; the same on all."""
        if self._budget is None:
            return True
        since = time.monotonic() - self._saved_at
        answer = [since * self._budget >= self._cost or since >= _LONGEST]
        broadcast_object_list(answer)
        return answer[0]

    def _write(self, content: bytes, name: str, obsolete: list[str]) -> None:
        """Write the file, then point to it, then remove old ones."""
        join = self.file_backend.join_path
        path = join(self.out_dir, name)  # whole, as mmengine resumes from it
        self.file_backend.put(content, path)
        pointer = join(self.out_dir, LAST_CHECKPOINT)
        self.file_backend.put(path.encode(errors='surrogateescape'), pointer)
        for old in obsolete:
            if self.file_backend.isfile(join(self.out_dir, old)):
                self.file_backend.remove(join(self.out_dir, old))


def _is_finite(runner: Runner) -> bool:
    """Whether all weights and buffers are, the same in all processes."""
    state = unwrapped(runner.model).state_dict()
    return all(bool(tensor.isfinite().all()) for tensor in state.values())
