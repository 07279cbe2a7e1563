"""The config that a checkpoint was trained with, and that of its resume."""

from typing import Any

from mmengine.runner import Runner

from ..config_text import settings

# What the result of a run depends on.
_MATTERS = (
    'custom_hooks.',
    'data_preprocessor.',
    'model.',
    'optim_wrapper.',
    'param_scheduler.',
    'train_cfg.',
    'train_dataloader.batch_size',
)

# Among these, what it does not depend on once a run is resumed.
_IDLE = ('.init_cfg', 'train_cfg.val_', '.test_cfg', '.with_cp')


# What the state of a stock schedule brings back from a checkpoint.
_SCHEDULE = ('optim_wrapper.optimizer.lr ', 'param_scheduler.')


def tell_changes(runner: Runner, text: Any) -> None:
    """Warn if the result will not be that of the run without the stop.

    ``text`` is the config that the checkpoint was trained with, if it is one.
    Changes that have no effect are named apart.
    """
    if not isinstance(text, str):
        return
    changes = changed_settings(text, runner.cfg.pretty_text)
    if _schedule_comes_back(runner):
        idle = [each for each in changes if each.startswith(_SCHEDULE)]
        changes = [each for each in changes if each not in idle]
        if idle:
            runner.logger.warning(
                'the learning rate goes on along the schedule of the '
                f'checkpoint, whatever was changed: {"; ".join(idle)}. For '
                'another one start a new run from its weights: give another '
                '--work-dir, leave out --resume and add --cfg-options '
                f'load_from={runner._load_from}'
            )
    if changes:
        runner.logger.warning(
            'the run goes on with other settings than the checkpoint was '
            f'trained with: {"; ".join(changes)}. Its result may be another '
            'than without the stop'
        )


def _schedule_comes_back(runner: Runner) -> bool:
    """Whether a schedule saves its rates, as all but ``WarmupCosineLR``."""
    schedules: Any = runner.param_schedulers or []
    if isinstance(schedules, dict):
        schedules = [each for some in schedules.values() for each in some]
    return any('base_values' in each.state_dict() for each in schedules)


def changed_settings(then: str, now: str) -> list[str]:
    """Settings that make another result, as 'NAME was X, now is Y'.

    Both texts are a ``Config.pretty_text``.

    Raises:
        SyntaxError: if a text is no config.
    """
    old, new = settings(then), settings(now)
    return [
        f'{name} was {old.get(name, "not set")}, '
        f'now is {new.get(name, "not set")}'
        for name in sorted(old | new)
        if (name.startswith(_MATTERS) or _is_step(name))
        and not any(part in name for part in _IDLE)
        and old.get(name) != new.get(name)
    ]


def _is_step(name: str) -> bool:
    """Whether it sets a transform, inside of whatever data sets."""
    return name.startswith('train_dataloader.') and '.pipeline.' in name
