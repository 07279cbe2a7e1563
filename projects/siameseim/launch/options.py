"""Settings of the command line and of a config, checked before use."""

import argparse
import ast
import difflib
import inspect
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.runner import Runner

from ..errors import InputError, did_you_mean
from .option_words import check_words
from .process import begin_tool

_RUNNER = [*inspect.signature(Runner).parameters]
_KNOWN = {
    *_RUNNER,
    # what mmengine reads from a config besides
    'activation_checkpointing',
    'compile',
    'efficient_conv_bn_eval',
    'find_unused_parameters',
    'model_wrapper_cfg',
    'sync_bn',
    'tta_model',
    'tta_pipeline',
}
_LEVELS = (
    *('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL', 'NOTSET'),
    *('WARN', 'FATAL'),  # Python's other names of two of them
)
# What a misspelt name at the top of a config may have been meant for.
_MEANT = {
    **{name: name for name in _RUNNER},
    'batch_size': 'train_dataloader.batch_size',
    'lr': 'optim_wrapper.optimizer.lr',
    'max_epochs': 'train_cfg.max_epochs',
    'max_iters': 'train_cfg.max_iters',
}
# Options of the toolboxes' own tools, and the settings in their place.
_STOCK_OPTIONS = {
    '--amp': 'optim_wrapper.precision',
    '--auto-scale-lr': 'auto_scale_lr',
}


def _key_value(text: str) -> str:
    """The text as it is, if it has the form that mmengine's action splits."""
    if '=' not in text:
        raise argparse.ArgumentTypeError(f'{text!r} is no KEY=VALUE')
    if text[0] == '.':  # as $P.1.size=64 is where P is not set
        raise argparse.ArgumentTypeError(
            f'{text!r} begins with a dot: if a shell variable stands before '
            'it, set that one first'
        )
    return text


def command_line(doc: str | None) -> argparse.ArgumentParser:
    """Begin a tool: its parser, whose help begins with its docstring."""
    begin_tool()
    return argparse.ArgumentParser(
        description=doc,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # --epoch would pass as --epochs
    )


def add_config(
    parser: argparse.ArgumentParser, checkpoint: bool = False
) -> None:
    """Let a tool be given what ``read_config`` reads."""
    of_training = 'the config of the training'
    parser.add_argument(
        'config', help=of_training if checkpoint else 'a file of configs/'
    )
    if checkpoint:
        parser.add_argument('checkpoint', help='file written by the training')
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Give a tool the option ``--cfg-options``, for ``merge_options``."""
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        type=_key_value,
        action=DictAction,
        default={},
        metavar='KEY=VALUE',
        help='replace settings, e.g. train_dataloader.batch_size=64',
    )


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Give a tool the option ``--workers``, for ``loading_workers``."""
    parser.add_argument(
        '--workers',
        type=int,
        help='loading processes (one for each core, 16 at most)',
    )


def parse(
    parser: argparse.ArgumentParser, argv: Sequence[str] | None
) -> argparse.Namespace:
    """Read a command line; say how to set what is guessed to be an option.

    Raises:
        SystemExit: if the tool has no such option.
    """
    args, unknown = parser.parse_known_args(argv)
    if unknown:
        cure = _cure(unknown, parser._option_string_actions)
        parser.error(f'unrecognized arguments: {" ".join(unknown)}{cure}')
    return args


def _cure(unknown: list[str], options: Iterable[str]) -> str:
    """What to give in place of arguments that a tool does not know."""
    names = [word.partition('=')[0].replace('_', '-') for word in unknown]
    settings = [
        f'{_MEANT[name]}=VALUE'
        for guess, name in (('--batch-size', 'batch_size'), ('--lr', 'lr'))
        if guess in names
    ]
    if settings:
        return f': give --cfg-options {" ".join(settings)}'
    for name in names:
        if name in _STOCK_OPTIONS:
            setting = _STOCK_OPTIONS[name]
            return f': leave {name} out, {setting} of the config decides'
        near = did_you_mean(name, options) if name.startswith('--') else ''
        if near:
            return near
    return ''


def read_config(args: argparse.Namespace, *files: str) -> Config:
    """The config file of a command line, with its ``--cfg-options``.

    Args:
        args (argparse.Namespace): with ``config`` and ``cfg_options``.
        *files (str): other arguments that must be files, as 'checkpoint'.

    Raises:
        FileNotFoundError: naming the argument and the file.
        InputError: as ``check_names`` and ``merge_options``, or for a
            ``log_level`` that is none.
    """
    for name in ('config', *files):
        path = Path(getattr(args, name))
        if not path.is_file():
            there = [file.name for file in path.parent.glob('*.*')]
            meant = did_you_mean(path.name, there)
            raise FileNotFoundError(
                f'{name} {path} does not exist'
                + (meant or f': a relative one starts at {Path.cwd()}')
            )
    cfg = Config.fromfile(args.config)
    check_names(Path(args.config))
    merge_options(cfg, args.cfg_options)
    level = cfg.get('log_level', 'INFO')
    if level not in _LEVELS and not isinstance(level, int):
        raise InputError(
            f'log_level={level!r} of {args.config} must be one of '
            f'{", ".join(_LEVELS)}'
        )
    return cfg


def check_names(path: Path) -> None:
    """Refuse a misspelt setting, which mmengine takes for a user's own name.

    Raises:
        InputError: naming the file, the name and what was meant.
    """
    if path.suffix != '.py' or '.mim' in path.parts:  # a toolbox's own
        return
    for name, meant in misspelt(path.read_text('utf-8')).items():
        raise InputError(
            f'{path} sets {name}, which nothing reads: did you mean {meant}?'
        )


def misspelt(text: str) -> dict[str, str]:
    """Names that nothing in a config's text reads, and the settings meant.

    All but those near to a setting that the text lacks are a user's to choose.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError:  # with mmengine's {{ variables }}
        return {}
    names = [n for n in ast.walk(tree) if isinstance(n, ast.Name)]
    stated = {n.id for n in names if isinstance(n.ctx, ast.Store)}
    read = {n.id for n in names if isinstance(n.ctx, ast.Load)}
    unset = [n for n, s in _MEANT.items() if s.partition('.')[0] not in stated]
    return {
        name: _MEANT[near]
        for name in sorted(stated - read - _KNOWN)
        for near in difflib.get_close_matches(name, unset, n=1, cutoff=0.8)
    }


def merge_options(cfg: Config, options: dict[str, Any]) -> None:
    """Set what the command line says; refuse a first part that is misspelt.

    mmengine alone adds a misspelt setting and forgets it.

    Only the first part of a name is checked: below it most parts of a run
    are built from all that they are given, and refuse what they do not know.

    Raises:
        InputError: naming the setting, and the nearest that exists; one that
            only helps to write the config; or one that has no place in it; or
            whose value is a word that it does not take.
    """
    for name in options:
        first = name.partition('.')[0]
        if first in _KNOWN:
            continue
        if first in cfg:
            raise InputError(_only_a_name(cfg, name))
        meant = did_you_mean(first, _KNOWN, name.removeprefix(first))
        raise InputError(
            f'--cfg-options {name}: {cfg.filename} has no {first}{meant}'
        )
    check_words(cfg, options)
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
