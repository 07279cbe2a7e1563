"""What happens when a loss or gradient is not finite."""

import json
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import all_gather_object, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import Tensor

from ..errors import some
from .log_line import log_is_due
from .schedule import ends_window
from .suspects import Step, odd_images, sample_indices, suspects
from .unwrap import unwrapped

SKIPPED_FILE = 'skipped_steps.jsonl'
_INFO = 'guard'


@HOOKS.register_module()
class NonFiniteGuardHook(Hook):
    """Counts skipped steps, names their images, rolls back, and stops.

    ``AutocastOptimWrapper`` skips a step whose loss or gradient is not finite
    without the host knowing. Here the flags are read where a log line is due
    and where a checkpoint is saved, so that a GPU is not made to wait. A
    skipped step changes nothing, so learning of it late costs only time.

    After ``max_skips`` skipped steps in a row the weights and the optimizer
    go back to the last checkpoint and the run continues from there with the
    next images; if no step is finite then, next to the checkpoint before it.
    If that happens more than ``max_rollbacks`` times, it stops.
    Each skipped step is written to ``skipped_steps.jsonl`` in the work
    directory: its iteration, and the images whose own features were not
    finite; without such, those of the processes whose loss was not finite, or
    of all if every loss was.

    Args:
        max_skips (int): skipped steps in a row that cause a roll-back.
            Defaults to 10.
        max_rollbacks (int): roll-backs of a run, resumes included.
            Defaults to 3.
    """

    priority = 'HIGH'  # before values are logged and checkpoints saved

    def __init__(self, max_skips: int = 10, max_rollbacks: int = 3) -> None:
        if max_skips < 1 or max_rollbacks < 0:
            raise ValueError(
                'NonFiniteGuardHook needs max_skips >= 1 and max_rollbacks >= '
                f'0, but got {max_skips} and {max_rollbacks}'
            )
        self.max_skips = max_skips
        self.max_rollbacks = max_rollbacks
        self.in_a_row = 0

    def before_train(self, runner: Runner) -> None:
        """Start counting, or go on as the checkpoint says."""
        self._steps: list[Step] = []
        self._open = Step()
        self._tried: list[Path] = []  # gone back to, and no step finite since
        self._worked = False  # a step was finite since the weights were loaded
        counts = runner.message_hub.get_info(_INFO, default={})
        self.skips = counts.get('skips', 0)
        self.rollbacks = counts.get('rollbacks', 0)

    def after_train_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: dict[str, Tensor] | None = None,
    ) -> None:
        """Remember the batch; read the flags if a log line is due."""
        self._open.losses.append((outputs or {})['loss'].detach())
        samples = sample_indices(data_batch)
        self._open.samples.append(samples)
        self._open.odd.append(odd_images(runner, len(samples)))
        if ends_window(runner, runner.iter + 1):
            self._open.iteration = runner.iter + 1
            self._open.skipped = runner.optim_wrapper.skipped
            self._steps.append(self._open)
            self._open = Step()
        if log_is_due(runner):
            self.flush(runner)

    def flush(self, runner: Runner) -> None:
        """Read the flags of the steps since the last time, and act on them.

        All processes must call it at the same iteration.

        Raises:
            FloatingPointError: if the run cannot go on.
        """
        if not self._steps:
            return
        steps, self._steps = self._steps, []
        flags = torch.stack([step.skipped for step in steps]).tolist()
        skipped = [s for s, skip in zip(steps, flags, strict=True) if skip]
        if skipped:
            self._report(runner, skipped)
        for skip in flags:
            self.in_a_row = self.in_a_row + 1 if skip else 0
            if not skip:
                self._tried, self._worked = [], True
            if self.in_a_row == self.max_skips:
                self._go_back(runner)
                break
        runner.message_hub.update_scalar('train/skipped_steps', self.skips)
        runner.message_hub.update_info(
            _INFO, dict(skips=self.skips, rollbacks=self.rollbacks)
        )

    def _report(self, runner: Runner, steps: list[Step]) -> None:
        """Count the steps, name their images in the log and a file."""
        self.skips += len(steps)
        found = [suspects(runner, step) for step in steps]
        everyone = all_gather_object(found)
        if not is_main_process():
            return
        lines = [
            _line(step, ranks)
            for step, *ranks in zip(steps, *everyone, strict=True)
        ]
        path, last = Path(runner.work_dir) / SKIPPED_FILE, lines[-1]
        with open(path, 'a') as file:
            file.writelines(json.dumps(line) + '\n' for line in lines)
        count = len(steps)
        number, were = ('step', 'was') if count == 1 else ('steps', 'were')
        runner.logger.warning(
            f'{count} {number} up to iteration {last["iteration"]} {were} '
            f'skipped, since the {last["not_finite"]} was not finite '
            f'({self.skips} in all). Images of the last of them: '
            f'{some(last["images"])}; all are in {path}'
        )

    def _go_back(self, runner: Runner) -> None:
        """Roll back, or stop if that was tried often enough."""
        saving = [hook for hook in runner.hooks if hasattr(hook, 'last_saved')]
        checkpoint = saving[0].last_saved(self._tried) if saving else None
        if checkpoint is None or self.rollbacks == self.max_rollbacks:
            runner.visualizer.close()
            raise FloatingPointError(self._why_it_stops(runner, checkpoint))
        _roll_back(runner, checkpoint)
        self.rollbacks += 1
        self.in_a_row = 0
        self._tried.append(checkpoint)
        self._worked = False
        runner.logger.warning(
            f'{self.max_skips} steps in a row were skipped: weights and, '
            f'where saved, optimizer are again those of {checkpoint} '
            f'(roll-back {self.rollbacks} of at most {self.max_rollbacks}), '
            'and the run goes on with the next images'
        )

    def _why_it_stops(self, runner: Runner, checkpoint: Path | None) -> str:
        if checkpoint is None:
            reason = 'there is no checkpoint of this run to go back to'
            again = 'start it again'
        elif self._worked:
            reason = (
                f'after {self.rollbacks} roll-backs it happened again. The '
                'weights of the last checkpoint are finite'
            )
            again = 'resume'
        else:
            reason = (
                f'after {self.rollbacks} roll-backs none was finite with the '
                'weights of the last checkpoint, which may be ruined'
            )
            again = (
                'start again, or resume from an earlier checkpoint (--resume '
                'FILE),'
            )
        return (
            f'{self.max_skips} steps in a row up to iteration '
            f'{runner.iter + 1} had a loss or gradient that is not finite, '
            f'and {reason}. Look at the images listed in '
            f'{Path(runner.work_dir) / SKIPPED_FILE}; if nothing is wrong '
            f'with them, {again} with --cfg-options '
            'optim_wrapper.precision=fp32 or a lower '
            'optim_wrapper.optimizer.lr'
        )


def _line(step: Step, ranks: list[tuple[int, list[str]]]) -> dict[str, Any]:
    """What is written of a step, of the processes that are surest of it."""
    surest = max(sure for sure, _ in ranks)
    return dict(
        iteration=step.iteration,
        not_finite='loss' if surest else 'gradient',
        images=[n for sure, names in ranks if sure == surest for n in names],
    )


def in_trouble(runner: Runner) -> bool:
    """Whether no step was finite since the last was skipped.

    Then the weights may be those that a roll-back took from a checkpoint,
    which need no other file. All processes must call it.
    """
    guards = [h for h in runner.hooks if isinstance(h, NonFiniteGuardHook)]
    for guard in guards:
        guard.flush(runner)
    return any(guard.in_a_row or guard._tried for guard in guards)


def _roll_back(runner: Runner, checkpoint: Path) -> None:
    """Take weights, buffers and optimizer state from a checkpoint.

    The run goes on from there with the images that come next, at the present
    place of the schedule: repeating the images that broke it would break it
    again. All processes must call it.
    """
    saved = torch.load(checkpoint, map_location='cpu', weights_only=True)
    unwrapped(runner.model).load_state_dict(saved['state_dict'])
    groups = runner.optim_wrapper.optimizer.param_groups
    rates = [group['lr'] for group in groups]
    if 'optimizer' in saved:  # else, as in a resume, it stays as it is
        runner.optim_wrapper.load_state_dict(saved['optimizer'])
    # `load_state_dict` made new groups, with the rates of back then.
    groups = runner.optim_wrapper.optimizer.param_groups
    for group, rate in zip(groups, rates, strict=True):
        group['lr'] = rate
    runner.optim_wrapper.reset_window()  # it may have begun
