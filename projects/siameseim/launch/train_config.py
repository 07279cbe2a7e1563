"""Fits a pretraining config to this machine and command line, or checks it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config

from ..datasets.data_source import data_source
from ..engine.param_groups import optimizer_class
from ..errors import InputError
from .cores import cores_of_process


def check_parts(cfg: Config) -> None:
    """Refuse a config without its base, which lacks parts of a training.

    Raises:
        InputError: naming them; or another runner, which would be ignored;
            or an optimizer that is not known, of which mmengine says only
            that None is no class.
    """
    parts = ('model', 'train_dataloader', 'train_cfg', 'optim_wrapper')
    absent = [name for name in parts if cfg.get(name) is None]
    if absent:
        raise InputError(
            f'{cfg.filename} has no {", ".join(absent)}: begin it with the '
            "recipe that it changes, _base_ = ['FILE']"
        )
    runner = cfg.get('runner_type', 'Runner')
    if runner != 'Runner':
        raise InputError(
            f'runner_type={runner!r} of {cfg.filename} would change nothing, '
            "since tools/train.py trains with mmengine's Runner: leave it out"
        )
    optimizer = cfg.optim_wrapper.get('optimizer') or {}
    if 'type' in optimizer:
        optimizer_class(optimizer['type'], cfg.get('default_scope'))


def check_pipeline(cfg: Config, options: Iterable[str] = ()) -> None:
    """Refuse a ``train_pipeline`` that a derived config forgot to hand on.

    The command line's ``options`` may change the pipeline that is used.

    Raises:
        InputError: if the file's pipeline is not the one that is used.
    """
    used = cfg.train_dataloader.dataset.get('pipeline')
    stated = cfg.get('train_pipeline', used)
    name = 'train_dataloader.dataset'
    text = Path(cfg.filename).read_text('utf-8')
    forgotten = re.search(r'^train_pipeline\b', text, re.MULTILINE) and (
        not re.search(r'\bpipeline\b', text)
    )
    changed = any(key.startswith(name) for key in options)
    if stated != used and forgotten and not changed:
        raise InputError(
            f'{cfg.filename} sets train_pipeline, but {name}.pipeline is '
            'another, which a config inherits as it was: add '
            'train_dataloader = dict(dataset=dict(pipeline=train_pipeline))'
        )


def set_data(
    cfg: Config, path: str, options: Mapping[str, Any] | None = None
) -> None:
    """Train on the images at ``path``, as ``data_source`` finds them.

    Those ``options`` of the command line that are of the data set, such as
    ``indices=64`` for its first 64 images, are set in this one.
    """
    cfg.train_dataloader.dataset.dataset = data_source(path)
    for name, value in (options or {}).items():
        if name.startswith('train_dataloader.dataset.dataset.'):
            cfg.merge_from_dict({name: value})


def check_data(cfg: Config, given: str | None) -> None:
    """Refuse data that are missing, before a runner lists all its parts.

    Others than those of ``data_source`` may make or download their own.

    Raises:
        FileNotFoundError: saying whether the path was ``given`` as --data.
    """
    source = cfg.train_dataloader.dataset.get('dataset') or {}
    path = str(source.get('data_root') or '.')
    ours = source.get('type') in ('ImageFolder', 'TarImages', 'LmdbImages')
    if not ours or '://' in path or Path(path).expanduser().exists():
        return
    named = (
        f'--data {given}'
        if given
        else f'{path}, the data_root of {cfg.filename}: give --data FOLDER'
    )
    raise FileNotFoundError(
        f'no such file or folder: {named}; a relative one starts at '
        f'{Path.cwd()}'
    )


def set_seed(cfg: Config, seed: int | None) -> None:
    """Give data, order and weights one seed; None keeps the config's.

    Raises:
        InputError: if the seed is no such number; of a random one, as
            mmengine draws for None, the data and a resume would not know.
    """
    if seed is not None:
        cfg.merge_from_dict({'randomness.seed': seed})
    used = (cfg.get('randomness') or {}).get('seed')
    if not isinstance(used, int) or not 0 <= used < 2**32:
        raise InputError(
            f'randomness.seed={used!r} must be a whole number from 0 to '
            f'{2**32 - 1}, since data and resumes need the same: give --seed'
        )
    cfg.train_dataloader.dataset.seed = used


def set_epochs(cfg: Config, epochs: int | None) -> None:
    """Train longer or shorter; the warm-up keeps its share of the run.

    Raises:
        InputError: if there is no epoch to train, or only warm-up, or the
            schedule is one of the user's that nobody here can stretch.
    """
    stated = cfg.train_cfg.get('max_epochs')
    _check_epochs('train_cfg.max_epochs', stated)
    schedule = cfg.get('param_scheduler')
    warms_up = isinstance(schedule, dict) and 'warmup' in schedule
    if epochs is not None:
        _check_epochs('--epochs', epochs)
        if not warms_up:
            raise InputError(
                f'--epochs {epochs} cannot fit this param_scheduler to the '
                'run: set train_cfg.max_epochs and its lengths in the config'
            )
        schedule.warmup *= epochs / stated
        cfg.train_cfg.max_epochs = epochs
    elif warms_up and schedule.warmup >= stated:
        raise InputError(
            f'a warm-up of {schedule.warmup} epochs does not fit into a run '
            f'of train_cfg.max_epochs={stated}: shorten the run with '
            '--epochs, which shortens both, or set param_scheduler.warmup'
        )


def _check_epochs(name: str, epochs: object) -> None:
    if not isinstance(epochs, int) or epochs < 1:
        raise InputError(
            f'{name} {epochs} trains nothing: give a whole number of epochs '
            'from 1 on (pretraining is counted in epochs)'
        )


def fit_loader(loader: Config, processes: int) -> None:
    """Use no more workers than cores, and pinned memory only with CUDA.

    The machine is shared by ``processes``, each with a loader of its own.
    """
    cores = cores_of_process(processes)
    loader.num_workers = min(loader.num_workers, cores)
    if loader.num_workers == 0:  # PyTorch refuses these without workers
        loader.persistent_workers = False
        loader.pop('prefetch_factor', None)
    if loader.get('pin_memory'):
        loader.pin_memory = torch.cuda.is_available()


def wide_blur(cfg: Config) -> str | None:
    """What to say of a blur that is wide for the size of its views.

    Widths are in pixels, and those of the paper for views of 224. Told from
    twice the paper's share on, for pipelines with a ``TwoViews``.
    """
    steps = cfg.train_dataloader.dataset.get('pipeline', [])
    sizes = [s.get('size', 224) for s in steps if s.get('type') == 'TwoViews']
    widths = [
        step.get('blur_sigma', (0.1, 2.0))[1]
        for step in steps
        if step.get('type') == 'ViewPhotometric' and step.get('blur_prob')
    ]
    if not sizes or not widths:
        return None
    size = min(sizes[0]) if isinstance(sizes[0], Sequence) else sizes[0]
    fit = 2.0 * size / 224
    if max(widths) < 2 * fit:
        return None
    return (
        f'views of {size} pixels are blurred with a sigma of up to '
        f'{max(widths):g} pixels, {max(widths) / fit:.1f} times their share '
        f'in the paper: blur_sigma=(0.1, {fit:.2f}) of ViewPhotometric is as '
        'wide, blur_prob=0 leaves the blur out'
    )
