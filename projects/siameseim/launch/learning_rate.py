"""The learning rate of a recipe for another global batch."""

from typing import Any

from mmengine.config import Config

from ..errors import InputError

# Share of the recipe's batch up to which the scaled rate is questioned.
_SMALL = 1 / 16


def scale_learning_rate(cfg: Config, world_size: int) -> str:
    """Scale the learning rate with the true global batch.

    The config states ``optim_wrapper.optimizer.lr`` for a global batch of
    ``auto_scale_lr.base_batch_size`` images. It grows with the batch, or with
    its root where ``auto_scale_lr.rule`` is 'sqrt'. This is the only place
    that scales it; unlike mmengine's own it counts gradient accumulation.
    Without an enabled ``auto_scale_lr`` the rate stays.

    Returns:
        str: what was done, for the log.

    Raises:
        InputError: if the rate is no number from 0 on, ``auto_scale_lr`` has
            other settings, or a batch or the accumulation is not from 1 on.
    """
    total, text = _global_batch(cfg, world_size)
    scaling = cfg.get('auto_scale_lr')
    if not scaling or (
        isinstance(scaling, dict) and not scaling.get('enable')
    ):
        return text
    optimizer = cfg.optim_wrapper.optimizer
    stated = optimizer.get('lr')
    if not isinstance(stated, int | float) or stated < 0:
        raise InputError(
            f'optim_wrapper.optimizer.lr={stated!r} must be a number from 0 on'
        )
    _check_scaling(scaling)
    root = scaling.get('rule') == 'sqrt'
    factor = total / scaling.base_batch_size
    optimizer.lr = stated * (factor**0.5 if root else factor)
    scaling.enable = False  # or mmengine would scale it once more
    text += (
        f'; learning rate {optimizer.lr:.3g} = {stated:.3g} x '
        f'{"the root of " if root else ""}{total} / {scaling.base_batch_size}'
    )
    if not root and factor <= _SMALL:
        text += (
            ', which may be too little to learn from: auto_scale_lr.rule=sqrt '
            'makes it larger, auto_scale_lr.enable=False leaves it as stated'
        )
    return text


def _check_scaling(scaling: Any) -> None:
    if (
        not isinstance(scaling, dict)
        or scaling.keys() - {'rule'} != {'enable', 'base_batch_size'}
        or scaling.get('rule', 'linear') not in ('linear', 'sqrt')
    ):
        raise InputError(
            f'auto_scale_lr={scaling} must have enable, '
            "base_batch_size, rule ('linear' or 'sqrt') if wanted, and "
            'nothing else'
        )
    _check_count('auto_scale_lr.base_batch_size', scaling['base_batch_size'])


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or value < 1:
        raise InputError(f'{name}={value!r} must be a whole number from 1 on')


def _global_batch(cfg: Config, world_size: int) -> tuple[int, str]:
    """Images of an optimizer step, and what they are the product of."""
    batch = cfg.train_dataloader.batch_size
    accumulation = cfg.optim_wrapper.get('accumulative_counts', 1)
    _check_count('train_dataloader.batch_size', batch)
    _check_count('optim_wrapper.accumulative_counts', accumulation)
    text = f'{batch} images'
    if world_size > 1:
        text += f' x {world_size} processes'
    if accumulation > 1:
        text += f' x {accumulation} accumulated'
    total = batch * world_size * accumulation
    return total, f'global batch {total} = {text}'
