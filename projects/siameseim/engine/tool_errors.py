"""How a command line tool ends on what its user can mend."""

import inspect
import re
import signal
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import did_you_mean


@contextmanager
def one_line_for(*kinds: type[Exception]) -> Iterator[None]:
    """End a tool in one line, not a traceback, where the user can mend it.

    Ctrl-C, a setting that is not known and a package that is missing end it
    so too.

    Args:
        *kinds (type[Exception]): errors whose text says all.

    Raises:
        SystemExit: with the line.
    """
    try:
        yield
    except kinds as error:
        sys.exit(f'error: {error}')
    except (TypeError, KeyError) as error:
        sys.exit(_unknown_setting(error))
    except ImportError as error:
        sys.exit(_missing_package(error))
    except KeyboardInterrupt:
        sys.stderr.write('interrupted\n')
        sys.exit(128 + signal.SIGINT)


def _missing_package(error: ImportError) -> str:
    """What to say where a config needs packages that are not there.

    Raises:
        ImportError: the same, if it is a fault of some code.
    """
    told, cause = [str(error)], error
    while isinstance(cause.__context__, ImportError) and not cause.name:
        cause = cause.__context__
        told.append(str(cause))
    stack = (
        r'\b(mmcv|mmdet|mmpretrain|mmseg|mmsegmentation|pycocotools|lvis)\b'
    )
    cure = ''
    if re.search(stack, told[-1]):
        cure = (
            '. The full stack is built by `python3 tools/setup_env.py test`; '
            '`python tools/doctor.py --require detection` says what is missing'
        )
    elif not isinstance(cause, ModuleNotFoundError):
        raise error
    return f'error: {": ".join(told)}{cure}'


def _unknown_setting(error: TypeError | KeyError) -> str:
    """What to say of a part that is not known, or does not know a setting.

    Raises:
        TypeError | KeyError: the same, if it is of another kind.
    """
    text = str(error)
    if isinstance(error, KeyError) and ' is not in the ' in text:
        sentence = text.strip('"\'').partition('. ')[0]
        return (
            f'error: a type is not known: {sentence}: check its spelling, and '
            'that custom_imports names the module that registers it'
        )
    if 'unexpected keyword argument' not in text:
        raise error
    name = text.rpartition('argument')[2].strip(" '")
    meant = did_you_mean(name, _settings_near(error)) or (
        '. If the config inherits it from a part of another type, add '
        '_delete_=True beside the type'
    )
    return f'error: a setting is not known: {text}{meant}'


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
