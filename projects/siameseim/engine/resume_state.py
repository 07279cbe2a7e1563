"""What a checkpoint must hold for a resumed run to be the same run."""

from typing import Any

from mmengine.dist import all_gather_object, get_world_size
from mmengine.runner import Runner

from .rng_state import get_rng_state

KEY = 'exact_resume'
_REPEATS = 'times that an image comes in an epoch'


def make_state(runner: Runner) -> dict[str, Any]:
    """Layout of the run and the random states of all processes.

    All processes must call it.

    Args:
        runner (Runner): the runner in training.

    Returns:
        dict: tensors and plain numbers.
    """
    return {**_layout(runner), 'rng': all_gather_object(get_rng_state())}


class AnotherRunError(ValueError):
    """A checkpoint is of another run than the one that is to continue it."""


def check_state(runner: Runner, state: dict[str, Any]) -> bool:
    """Compare the layout of a checkpoint with that of this run.

    Args:
        runner (Runner): the runner that is about to resume.
        state (dict): as ``make_state`` returned it.

    Returns:
        bool: whether the number of processes is the same, so that the run
        continues bit for bit. With other numbers of the same global batch it
        continues up to rounding.

    Raises:
        AnotherRunError: if data, order or iterations would not be the same.
    """
    now, then = _layout(runner), dict(state)
    same_processes = now.pop('processes') == then.pop('processes')
    then.setdefault(_REPEATS, 1)  # older checkpoints know no repeats
    differing = [
        f'{name} was {then[name]}, now is {now[name]}'
        for name in now
        if now[name] != then[name]
    ]
    if differing:
        raise AnotherRunError(
            f'this run cannot continue the checkpoint: {"; ".join(differing)}.'
            ' Resume with the old settings, or start a new run from its '
            'weights: leave out --resume and add --cfg-options '
            'load_from=CHECKPOINT'
        )
    return same_processes


def _layout(runner: Runner) -> dict[str, int | None]:
    loader = runner.train_dataloader
    repeats = getattr(loader.dataset, 'repeats', 1)
    return {
        'processes': get_world_size(),
        'number of images': len(loader.dataset) // repeats,
        _REPEATS: repeats,
        'images per iteration': loader.batch_size * get_world_size(),
        'accumulative_counts': runner.optim_wrapper.accumulation,
        'seed': runner.seed,
    }
