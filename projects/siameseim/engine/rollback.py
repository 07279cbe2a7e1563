"""Back to the weights of an earlier checkpoint, within a run."""

from pathlib import Path

import torch
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from .unwrap import unwrapped


def last_good_checkpoint(runner: Runner) -> Path | None:
    """The newest checkpoint of this run, not of another in its folder."""
    names = runner.message_hub.get_info('kept_checkpoints', default=[])
    folder = next(
        (h.out_dir for h in runner.hooks if isinstance(h, CheckpointHook)), ''
    )
    files = [Path(folder) / name for name in names]
    return next((file for file in reversed(files) if file.is_file()), None)


def roll_back(runner: Runner, checkpoint: Path) -> None:
    """Take weights, buffers and optimizer state from a checkpoint.

    The run goes on from there with the images that come next, at the present
    place of the schedule: repeating the images that broke it would break it
    again. All processes must call it.

    Args:
        runner (Runner): the runner in training.
        checkpoint (Path): file that ``SafeCheckpointHook`` wrote.
    """
    saved = torch.load(checkpoint, map_location='cpu', weights_only=True)
    unwrapped(runner.model).load_state_dict(saved['state_dict'])
    groups = runner.optim_wrapper.optimizer.param_groups
    rates = [group['lr'] for group in groups]
    runner.optim_wrapper.load_state_dict(saved['optimizer'])
    # `load_state_dict` made new groups, with the rates of back then.
    groups = runner.optim_wrapper.optimizer.param_groups
    for group, rate in zip(groups, rates, strict=True):
        group['lr'] = rate
