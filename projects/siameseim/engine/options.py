"""Settings of the command line, and what to say of those that fail."""

import argparse
import inspect
import traceback
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.hooks import CheckpointHook
from mmengine.runner import Runner

from ..errors import InputError, did_you_mean

# What mmengine reads from a config besides the arguments of its runner.
_READ = {
    'activation_checkpointing',
    'compile',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'sync_bn',
    'tta_model',
    'tta_pipeline',
}


class _Settings(DictAction):
    """mmengine's action, with an error for what is no ``KEY=VALUE``."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        for value in values:
            if '=' not in value:
                parser.error(f'{option_string}: {value!r} is no KEY=VALUE')
        super().__call__(parser, namespace, values, option_string)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a tool the option ``--cfg-options``, for ``merge_options``."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=_Settings,
        default={},
        metavar='KEY=VALUE',
        help='replace settings, e.g. train_dataloader.batch_size=64',
    )


def read_config(args: argparse.Namespace, *files: str) -> Config:
    """The config file of a command line, with its ``--cfg-options``.

    Args:
        args (argparse.Namespace): with ``config`` and ``cfg_options``.
        *files (str): other arguments that must be files, as 'checkpoint'.

    Raises:
        FileNotFoundError: naming the argument and the file.
        InputError: as ``merge_options``.
    """
    for name in ('config', *files):
        path = getattr(args, name)
        if not Path(path).is_file():
            raise FileNotFoundError(
                f'{name} {path} does not exist: give an existing file'
            )
    cfg = Config.fromfile(args.config)
    merge_options(cfg, args.cfg_options)
    return cfg


def merge_options(cfg: Config, options: dict[str, Any]) -> None:
    """Set what the command line says; refuse a first part that is misspelt.

    mmengine alone adds a misspelt setting and forgets it.

    Only the first part of a name is checked: below it most parts of a run
    are built from all that they are given, and refuse what they do not know.

    Raises:
        InputError: naming the setting, and the nearest that exists; one that
            only helps to write the config; or one that has no place in it.
    """
    known = {*_READ, *inspect.signature(Runner).parameters}
    for name in options:
        first = name.partition('.')[0]
        if first in known:
            continue
        if first in cfg:
            raise InputError(_only_a_name(cfg, name))
        meant = did_you_mean(first, known, name.removeprefix(first))
        raise InputError(
            f'--cfg-options {name}: {cfg.filename} has no {first}{meant}'
        )
    try:
        cfg.merge_from_dict(options)
    except (KeyError, TypeError, IndexError) as error:
        raise InputError(
            f'--cfg-options {" ".join(options)}: {cfg.filename} has no such '
            f'place ({error})'
        ) from error


def _only_a_name(cfg: Config, option: str) -> str:
    """What to say of a setting that no part of a run reads."""
    first = option.partition('.')[0]
    split = first.removesuffix('_pipeline')
    rest = option.removeprefix(first)
    place = f'{split}_dataloader.dataset.pipeline{rest}'
    cure = f', as {place}' if split != first else ''
    return (
        f'--cfg-options {option} would change nothing: {cfg.filename} uses '
        f'the name {first} only while it is read. Set what it went into{cure}'
    )


def missing_toolbox(error: ImportError) -> str:
    """What to say where a config needs packages that are not there."""
    return (
        f'error: {error}. The full stack is built by `python3 '
        'tools/setup_env.py test`; `python tools/doctor.py --require '
        'detection` says what is missing'
    )


def check_hooks(cfg: Config) -> None:
    """Refuse hooks and settings of them that mmengine would pass over.

    Raises:
        InputError: for a name in ``default_hooks`` that nothing gives a
            type, or a setting that the stock checkpoint hook would keep for
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
        if hook['type'] == 'CheckpointHook':
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


def unknown_setting(error: TypeError) -> str:
    """What to say of a part that was built with a setting it does not know.

    Raises:
        TypeError: the same, if it is of another kind.
    """
    text = str(error)
    if 'unexpected keyword argument' not in text:
        raise error
    name = text.rpartition('argument')[2].strip(" '")
    meant = did_you_mean(name, _settings_near(error))
    return f'error: a setting is not known: {text}{meant}'


def _settings_near(error: TypeError) -> set[str]:
    """Arguments of the class that the error names, and of its relatives.

    The class is in the last frame: what was called there, or what was being
    constructed by handing on to a base what it did not know itself.
    """
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    known = [*frame.f_globals.values(), *frame.f_locals.values()]
    classes = {type(frame.f_locals.get('self'))} | {
        part
        for part in known
        if inspect.isclass(part) and str(error).startswith(part.__qualname__)
    }
    return {
        argument
        for part in classes
        for base in part.__mro__
        if '__init__' in vars(base)
        for argument in inspect.signature(vars(base)['__init__']).parameters
    }
