"""Where a run starts: anew, or from a checkpoint in its work directory."""

import os
import re
from pathlib import Path, PureWindowsPath

from mmengine.config import Config

from ..errors import InputError

LAST_CHECKPOINT = 'last_checkpoint'
# tools/report.py says so too, which takes the file in place of the folder
_CURE = (
    'give the file itself (to tools/train.py as --resume FILE), or another '
    'work directory'
)


def set_resume(cfg: Config, resume: str | None) -> str:
    """Decide where training starts.

    Args:
        cfg (Config): with ``work_dir``.
        resume (str, optional): None starts anew, 'auto' goes on from the
            last checkpoint in ``work_dir`` if there is one, else the path
            of a checkpoint.

    Returns:
        str: what was decided, for the log.

    Raises:
        FileNotFoundError: if a named checkpoint, also one of ``load_from``,
            does not exist.
    """
    if resume is None and cfg.get('resume'):  # as mmengine has it
        resume = cfg.get('load_from') or 'auto'
    cfg.resume = False
    if resume is None:
        _check_weights_exist(cfg.get('load_from'))
        return 'starting from the beginning'
    if resume == 'auto':
        folder = saved_in(cfg)
        checkpoint = find_last_checkpoint(folder)
        if checkpoint is None:
            return f'no checkpoint in {folder}: starting from the beginning'
        resume = str(checkpoint)
    elif '://' not in resume and not Path(resume).is_file():
        raise FileNotFoundError(
            f'checkpoint {resume} does not exist: give an existing file, or '
            '--resume alone for the last one in the work directory'
        )
    cfg.resume, cfg.load_from = True, resume
    return f'resuming from {resume}'


def _check_weights_exist(file: str | None) -> None:
    """Refuse weights to start from that are not there, of this machine."""
    if file and '://' not in file and not Path(file).expanduser().is_file():
        raise FileNotFoundError(
            f'no such file: load_from={file}; a relative one starts at '
            f'{Path.cwd()}'
        )


def earlier_run(cfg: Config) -> str | None:
    """What to warn of if training starts where another run left its files.

    To be called after ``set_resume``, before training.
    """
    if cfg.resume:
        return None
    try:
        earlier = find_last_checkpoint(saved_in(cfg))
    except InputError as error:
        return str(error)
    if earlier is None:
        return None
    return (
        f'{earlier} of an earlier run lies in the work directory, whose files '
        'this run replaces: stop and give --resume to go on from it, or '
        'another --work-dir to keep the two runs apart'
    )


def saved_in(cfg: Config) -> str:
    """Where the checkpoint hook saves, as its ``out_dir`` says."""
    hook = (cfg.get('default_hooks') or {}).get('checkpoint')
    out_dir = hook.get('out_dir') if isinstance(hook, dict) else None
    work_dir = os.path.abspath(cfg.work_dir)
    if out_dir in (None, work_dir):
        return cfg.work_dir
    return os.path.join(out_dir, os.path.basename(work_dir))


def find_last_checkpoint(work_dir: str) -> Path | None:
    """The checkpoint saved last in a folder, which may have moved.

    Without the file that says which it is, as where only checkpoints were
    copied, the one with the highest number.

    Raises:
        InputError: if that cannot be told, of epochs and iterations, or the
            file names a checkpoint that is missing.
    """
    pointer = Path(work_dir) / LAST_CHECKPOINT
    saved = sorted(
        (int(found[2]), found[1], path)
        for path in Path(work_dir).glob('*.pth')
        if (found := re.fullmatch(r'(epoch|iter)_(\d+)', path.stem))
    )
    there = [path.name for *_, path in saved]
    named = os.fsdecode(pointer.read_bytes()) if pointer.is_file() else ''
    if named := named.strip():  # empty if a stock run was killed at it
        # Only the name: the folder may have been moved since, also from
        # Windows, whose paths know both kinds of slashes.
        last = Path(work_dir) / PureWindowsPath(named).name
        if last.is_file():
            return last
        raise InputError(
            f'{pointer} names {last.name}, which is missing (there: '
            f'{", ".join(there) or "none"}): {_CURE}'
        )
    if len({unit for _, unit, _ in saved}) > 1:
        raise InputError(
            f'{work_dir} has no file {LAST_CHECKPOINT} that says which of '
            f'{there} is the last: {_CURE}'
        )
    return saved[-1][2] if saved else None
