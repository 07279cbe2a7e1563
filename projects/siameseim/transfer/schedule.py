"""How long a task's training is, and how much of it is warm-up."""

from collections.abc import Iterator

from mmengine.config import Config

# More than this share of a training is no warm-up any more.
_MOST = 1 / 3


def long_warm_up(cfg: Config, steps: int) -> str | None:
    """What to say where a training is warm-up for a large part.

    The recipes count it in iterations, of which few images make few, or in
    epochs, which stay as many where only ``max_epochs`` is lowered.

    Args:
        cfg (Config): of a task, with a stock ``train_cfg``.
        steps (int): iterations of an epoch.

    Returns:
        str | None: None if the warm-up is a small part.
    """
    loop = cfg.train_cfg
    total = loop.get('max_iters') or loop.get('max_epochs', 0) * steps
    each = '' if loop.get('max_iters') else f' ({steps} an epoch)'
    for name, schedule in _schedules(cfg):
        if 'end' not in schedule or not _warms_up(schedule):
            continue
        end = schedule['end'] * (
            steps if schedule.get('by_epoch', True) else 1
        )
        if end > _MOST * total > 0:
            settings = [f'{name}.end={schedule["end"]}', *_next(cfg, schedule)]
            return (
                f'the learning rate warms up for {end:g} iterations, of '
                f'{total} in all{each}: lower {" and ".join(settings)} with '
                '--cfg-options, or train for longer or with smaller batches'
            )
    return None


def _next(cfg: Config, warm_up: dict) -> list[str]:
    """The settings of where other schedules begin, at a warm-up's end."""
    return [
        f'{name}.begin={schedule["begin"]}'
        for name, schedule in _schedules(cfg)
        if schedule.get('begin') == warm_up['end']
    ]


def lengths(cfg: Config) -> str:
    """The settings that say how long a training is, with their values."""
    loop = cfg.train_cfg
    stated = {
        f'train_cfg.{name}': loop[name]
        for name in ('max_epochs', 'max_iters')
        if loop.get(name)
    }
    for name, schedule in _schedules(cfg):
        stated |= {
            f'{name}.{key}': schedule[key]
            for key in ('begin', 'end', 'T_max', 'milestones')
            if schedule.get(key)
        }
    return ' '.join(f'{name}={value}' for name, value in stated.items())


def _warms_up(schedule: dict) -> bool:
    """Whether a schedule raises the rate; what is not stated, as mmengine."""
    first = schedule.get('start_factor', 1 / 3)
    return schedule.get('type') == 'LinearLR' and first < schedule.get(
        'end_factor', 1.0
    )


def _schedules(cfg: Config) -> Iterator[tuple[str, dict]]:
    """Each schedule with its place in the config."""
    given = cfg.get('param_scheduler') or []
    if isinstance(given, dict):
        yield 'param_scheduler', given
        return
    for i, schedule in enumerate(given):
        yield f'param_scheduler.{i}', schedule
