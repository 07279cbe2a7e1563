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

from mmengine.dist import get_rank

from ..errors import InputError, did_you_mean, settings_of

_PACKAGE = Path(__file__).parents[1]
_LIBRARIES = {'site-packages', 'dist-packages'}
# What gloo and NCCL say where another process is no longer there, or stalls.
_LOST = (
    r'gloo/transport/.*?\] (.* by peer|Timed out waiting .*)'
    '|(ncclRemoteError.*)'
)
# What torch's BatchNorm says of a batch that leaves it a single value.
_ONE_VALUE = 'Expected more than 1 value per channel'
# What the toolboxes' LoadImageFromFile says of an image that OpenCV cannot
# decode, and OpenCV itself of a file without bytes.
_UNREADABLE = r'(?:^|AssertionError: )failed to load image: (.+)'
_EMPTY = '!buf.empty()'


@contextmanager
def one_line_for(*kinds: type[Exception]) -> Iterator[None]:
    """End a tool in one line, not a traceback, where the user can mend it.

    Ctrl-C, a setting that is not known and a package that is missing end it
    so too. What came out of code of the user's own keeps its traceback, which
    says where; but for an ``InputError``, whose text says all.

    Args:
        *kinds (type[Exception]): errors whose text says all.

    Raises:
        SystemExit: with the line.
    """
    try:
        yield
    except KeyboardInterrupt:
        sys.stderr.write('interrupted\n')
        sys.exit(128 + signal.SIGINT)
    except Exception as error:
        line = _line(error, kinds)
        if line is None:
            raise
        sys.exit(f'error: {line}')


def _line(error: Exception, kinds: tuple[type[Exception], ...]) -> str | None:
    """What to say in place of a traceback; None if nothing is."""
    if isinstance(error, ImportError) and (line := _failed_import(error)):
        return line
    if lost := re.search(_LOST, str(error)):
        return _lost_process(lost[1] or lost[2])
    if _own_lines(error) and not isinstance(error, InputError):
        return None
    if _ONE_VALUE in str(error):
        return (
            f'BatchNorm cannot learn from one image alone ({error}): raise '
            'train_dataloader.batch_size with --cfg-options'
        )
    if line := _unreadable_image(str(error)):
        return line
    if isinstance(error, kinds):
        return str(error)
    if isinstance(error, TypeError | KeyError) and (
        line := _unknown_setting(error)
    ):
        return line
    if isinstance(error, AssertionError | TypeError | ValueError):
        return _refused_setting(error)
    return None


def _unreadable_image(text: str) -> str | None:
    """What to say of an image of a labelled data set that is not readable."""
    cure = (
        'replace it, or take it out of the data (a training goes on with '
        '--resume)'
    )
    if name := re.search(_UNREADABLE, text):
        return f'OpenCV cannot read the image {name[1]}: {cure}'
    if _EMPTY in text:
        return (
            f'an image file is empty (`find FOLDER -empty` names it): {cure}'
        )
    return None


def _lost_process(detail: str) -> str:
    """What to say of a process that is not the one that failed.

    Its traceback, one from each such process, would bury that of the other.
    """
    return (
        f'rank {get_rank()} ends, since it lost another process of the run, '
        f'whose own error, if it could write one, says why ({detail})'
    )


def _own_lines(*errors: Exception) -> list[str]:
    """Lines of the user's own code that errors came through, FILE:LINE.

    Own is what is neither in this package nor in a library, nor beside the
    tool that caught the first of them.
    """
    steps = [
        (Path(frame.f_code.co_filename), line)
        for error in errors
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
    for error in errors:  # a loader's worker writes its lines into the text
        told = re.findall(r'^  File "(.+)", line (\d+)', str(error), re.M)
        steps += [(Path(file), int(line)) for file, line in told]
    steps = [step for step in steps if not _is_installed(step[0])]
    tool = steps[0][0].parent if steps else _PACKAGE
    return [f'{file}:{line}' for file, line in steps if file.parent != tool]


def _is_installed(file: Path) -> bool:
    """Whether a source file is this package's or a library's."""
    return (
        _PACKAGE in file.parents
        or Path(sysconfig.get_path('stdlib')) in file.parents
        or not _LIBRARIES.isdisjoint(file.parts)
        or str(file).startswith('<')  # <string>, <frozen importlib>
    )


def _failed_import(error: ImportError) -> str | None:
    """What to say where a module is not there, or a custom import fails."""
    chain = [error]
    while isinstance(chain[-1].__context__, ImportError) and (
        not chain[-1].name
    ):
        chain.append(chain[-1].__context__)
    cause = chain[-1]
    cure = _cure_of_stack(str(cause))
    outer = chain[-2] if len(chain) > 1 else cause
    module = re.fullmatch('Failed to import (.*)', str(outer))
    if module:  # of mmengine, after the whole of sys.path
        if f'{module[1]}.'.startswith(f'{cause.name}.'):
            cure = ': add the folder that it lies in to PYTHONPATH'
        lines = _own_lines(error, cause)
        where = f' (at {lines[-1]})' if lines else ''
        return (
            f'custom_imports: {module[1]} could not be imported: '
            f'{cause}{where}{cure}'
        )
    missing = isinstance(cause, ModuleNotFoundError)
    if not cure and (not missing or _own_lines(error)):
        return None
    if error.__cause__:  # was told in full on purpose
        return f'{error}{cure}'
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


def _unknown_setting(error: TypeError | KeyError) -> str | None:
    """What to say of a part that is not known, or does not know a setting."""
    text = str(error)
    *_, (frame, _) = traceback.walk_tb(error.__traceback__)
    if isinstance(error, KeyError):
        if not _is_of_mmengine(frame) or ' is not in the ' not in text:
            return None
        sentence = text.strip('"\'').partition('. ')[0]
        return (
            f'a type is not known: {sentence}: check its spelling, and '
            'that custom_imports names the module that registers it'
        )
    # More lines are the traceback of a worker that loads data.
    name = re.search(r"unexpected keyword argument '(\w+)'", text)
    if not name or '\n' in text:
        return None
    # a relative may know it by that very name
    known = _settings_near(error) - {name[1]}
    meant = did_you_mean(name[1], known) or '.'
    text = text.partition('. Did you mean')[0]  # of Python 3.13, less sure
    return (
        f'a setting is not known: {text}{meant} If the config inherits it '
        'from a part of another type, add _delete_=True beside the type'
    )


def _refused_setting(error: Exception) -> str | None:
    """What to say where the constructor of a library's part refuses one.

    mmengine asserts what settings must be, torch raises its own errors. What
    neither raises on purpose, or not for a part that mmengine builds, may be
    a fault of the code, whose traceback is needed.
    """
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    last, text = traceback.extract_tb(error.__traceback__)[-1], str(error)
    on_purpose = (last.line or '').startswith(('raise ', 'assert '))
    ours = _PACKAGE in Path(last.filename).parents
    if ours or not on_purpose or not text or '\n' in text:
        return None
    part = None
    while frames and frames[-1].f_code.co_name == '__init__':
        part = type(frames.pop().f_locals.get('self')).__name__
    if part is None or not frames or not _is_of_mmengine(frames[-1]):
        return None
    return f'{part} refuses a setting: {text}'


def _is_of_mmengine(frame: FrameType) -> bool:
    return str(frame.f_globals.get('__name__')).startswith('mmengine.')


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
    return set().union(*map(settings_of, classes))
