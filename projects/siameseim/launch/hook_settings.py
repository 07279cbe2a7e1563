"""Settings of hooks, checked before hours of a run have passed."""

import inspect
from typing import Any

from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from ..errors import InputError, did_you_mean

# Hooks that take any setting and hand on what they do not know to
# ``Runner.save_checkpoint``, hours later.
_SWALLOW = ('CheckpointHook', 'TaskCheckpointHook')


def check_hooks(cfg: Config) -> None:
    """Refuse hooks and settings of them that mmengine would pass over.

    Raises:
        InputError: for a name in ``default_hooks`` that nothing gives a
            type, or a setting or value that a checkpoint hook would keep for
            its first save, hours into a run.
    """
    hooks = cfg.get('default_hooks') or {}
    for name, hook in hooks.items():
        if not isinstance(hook, dict):
            continue
        if 'type' not in hook:
            raise InputError(
                f'default_hooks.{name} of {cfg.filename} has no type'
                + did_you_mean(name, hooks.keys() - {name})
            )
        kind = str(hook['type']).rpartition('.')[2]  # without its scope
        if kind in _SWALLOW:
            _check_known(name, hook)
        if kind.endswith('CheckpointHook'):
            _check_numbers(name, hook)


def _check_known(name: str, hook: dict[str, Any]) -> None:
    known = {
        *inspect.signature(CheckpointHook).parameters,
        *inspect.signature(Runner.save_checkpoint).parameters,
        *('type', 'priority', '_scope_'),
    }
    for setting in hook.keys() - known:
        raise InputError(
            f'default_hooks.{name}.{setting} is no setting of the '
            'CheckpointHook' + did_you_mean(setting, known)
        )


def _check_numbers(name: str, hook: dict[str, Any]) -> None:
    for setting in ('interval', 'max_keep_ckpts'):
        value = hook.get(setting, -1)
        if type(value) is not int:
            raise InputError(
                f'default_hooks.{name}.{setting}={value!r} must be a whole '
                'number; -1 is for no checkpoint at an interval, or all kept'
            )
