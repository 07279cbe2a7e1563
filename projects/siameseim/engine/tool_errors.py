"""How a command line tool ends on what its user can mend."""

import inspect
import re
import signal
import sys
import sysconfig
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from ..errors import InputError, did_you_mean

_PACKAGE = Path(__file__).parents[1]
_LIBRARIES = {'site-packages', 'dist-packages'}


@contextmanager
def one_line_for(*kinds: type[Exception]) -> Iterator[None]:
    """End a tool in one line, not a traceback, where the user can mend it.

    Ctrl-C, a setting that is not known and a package that is missing end it
    so too. The line names the place in code of the user's own, if the error
    came out of some.

    Args:
        *kinds (type[Exception]): errors whose text says all.

    Raises:
        SystemExit: with the line.
    """
    try:
        yield
    except ImportError as error:
        sys.exit(f'error: {_failed_import(error, kinds)}')
    except kinds as error:
        sys.exit(f'error: {error}{_place(error)}')
    except (TypeError, KeyError) as error:
        sys.exit(f'error: {_unknown_setting(error)}{_place(error)}')
    except KeyboardInterrupt:
        sys.stderr.write('interrupted\n')
        sys.exit(128 + signal.SIGINT)


def _place(*errors: Exception) -> str:
    """' (at FILE:LINE)' of the user's code that an error came out of, or ''.

    None where this package or the tool raised it: then the text says all.

    Args:
        *errors (Exception): the one that was caught, and its causes.
    """
    if isinstance(errors[-1], InputError):
        return ''
    steps = [
        (Path(frame.f_code.co_filename), line)
        for error in errors
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    theirs = [step for step in steps if not _is_installed(step[0])]
    tool = theirs[0][0].parent if theirs else _PACKAGE
    theirs = [step for step in theirs if step[0].parent != tool]
    raised = steps[-1][0]
    if not theirs or _PACKAGE in raised.parents or raised.parent == tool:
        return ''
    return ' (at {}:{})'.format(*theirs[-1])


def _is_installed(file: Path) -> bool:
    """Whether a source file is this package's or a library's."""
    return (
        _PACKAGE in file.parents
        or Path(sysconfig.get_path('stdlib')) in file.parents
        or not _LIBRARIES.isdisjoint(file.parts)
        or str(file).startswith('<')  # <string>, <frozen importlib>
    )


def _failed_import(
    error: ImportError, kinds: tuple[type[Exception], ...]
) -> str:
    """What to say where a module is not there or cannot be imported.

    Raises:
        ImportError: the same, if it is a fault of some code that is neither
            in ``custom_imports`` nor of these kinds.
    """
    chain = [error]
    while isinstance(chain[-1].__context__, ImportError) and (
        not chain[-1].name
    ):
        chain.append(chain[-1].__context__)
    cause = chain[-1]
    cure = _cure_of_stack(str(cause))
    module = re.fullmatch('Failed to import (.*)', str(chain[-2:][0]))
    if module:  # of mmengine, after the whole of sys.path
        missing = f'{cause.name}.'
        if f'{module[1]}.'.startswith(missing):
            cure = ': add the folder that it lies in to PYTHONPATH'
        return (
            f'custom_imports: {module[1]} could not be imported: {cause}'
            f'{_place(error, cause)}{cure}'
        )
    if isinstance(error, kinds):
        return f'{error}{_place(error)}'
    if not cure and not isinstance(cause, ModuleNotFoundError):
        raise error
    return f'{": ".join(map(str, chain))}{cure}'


def _cure_of_stack(text: str) -> str:
    """How to get what OpenMMLab's toolboxes need, if a text names one."""
    stack = (
        r'\b(mmcv|mmdet|mmpretrain|mmseg|mmsegmentation|pycocotools|lvis)\b'
    )
    if not re.search(stack, text):
        return ''
    return (
        '. The full stack is built by `python3 tools/setup_env.py test`; '
        '`python tools/doctor.py --require detection` says what is missing'
    )


def _unknown_setting(error: TypeError | KeyError) -> str:
    """What to say of a part that is not known, or does not know a setting.

    Raises:
        TypeError | KeyError: the same, if it is of another kind, or does not
            come of building a part from a config.
    """
    text = str(error)
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    builders = [frame for frame in frames if _builds(frame)]
    if isinstance(error, KeyError):
        if frames[-1] not in builders or ' is not in the ' not in text:
            raise error
        sentence = text.strip('"\'').partition('. ')[0]
        return (
            f'a type is not known: {sentence}: check its spelling, and '
            'that custom_imports names the module that registers it'
        )
    name = text.rpartition('argument')[2].strip(" '")
    stated = any(
        isinstance(config, dict) and name in config
        for frame in builders
        for config in frame.f_locals.values()
    )
    if 'unexpected keyword argument' not in text or not stated:
        raise error
    meant = did_you_mean(name, _settings_near(error)) or (
        '. If the config inherits it from a part of another type, add '
        '_delete_=True beside the type'
    )
    return f'a setting is not known: {text}{meant}'


def _builds(frame: FrameType) -> bool:
    """Whether mmengine builds a part from a config here."""
    module = str(frame.f_globals.get('__name__'))
    name = frame.f_code.co_name
    return module.startswith('mmengine.') and name.startswith('build_')


def _settings_near(error: Exception) -> set[str]:
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
