"""What a checkpoint must hold for a resumed run to be the same run."""

import hashlib
import os
from collections.abc import Sized
from pathlib import Path
from typing import Any, cast

import numpy as np
from mmengine.dist import all_gather_object, get_world_size
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from ..datasets.pretrain_dataset import images_and_repeats
from ..errors import InputError
from ..rng_state import get_rng_state

KEY = 'exact_resume'
_REPEATS = 'times that an image comes in an epoch'
# What the user sets them with.
_NAMES = 'names of the images, as a hash,'
_OPTIONS = {
    _NAMES: '--data',
    'number of images': '--data',
    _REPEATS: 'train_dataloader.dataset.repeats',
    'images per iteration': 'train_dataloader.batch_size x processes',
    'accumulative_counts': 'optim_wrapper.accumulative_counts',
    'seed': '--seed',
}


def make_state(runner: Runner) -> dict[str, Any]:
    """Layout of the run and the random states of all processes.

    All processes must call it. Tensors and plain values only.
    """
    return {**_layout(runner), 'rng': all_gather_object(get_rng_state())}


def plain(value: Any) -> Any:
    """The same with Python's numbers in place of NumPy's, however deep."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value.item() if isinstance(value, np.generic) else value


def check_processes(runner: Runner) -> None:
    """Refuse to train where processes would train on different things.

    All processes must call it, before training, for a task too.

    Raises:
        InputError: if they see other images or other checkpoints.
    """
    start = Path(runner._load_from or '').name if runner._resume else None
    own = {**_data(runner.train_dataloader), 'checkpoint to go on from': start}
    check_alike(own, '--data and --work-dir')


def check_alike(own: dict[str, Any], options: str) -> None:
    """Refuse what is not the same in all processes, which must all call it.

    Args:
        own (dict[str, Any]): what this process has, by a name for it.
        options (str): of the command line, that say where it lies.

    Raises:
        InputError: naming the first that differs.
    """
    found = all_gather_object(own)
    for name in own:
        values = [each[name] for each in found]
        if any(value != values[0] for value in values):
            raise InputError(
                f'the processes differ: {name} is {values} on ranks 0 to '
                f'{len(values) - 1}. All must see the same {options}, as on a '
                'file system that the machines share'
            )


def check_state(runner: Runner, state: dict[str, Any]) -> bool:
    """Compare the layout of a checkpoint with that of this run.

    Returns:
        bool: whether the number of processes is the same, so that the run
        continues bit for bit. With other numbers of the same global batch it
        continues up to rounding.

    Raises:
        InputError: if data, order or iterations would not be the same.
    """
    now, then = _layout(runner), dict(state)
    same_processes = now.pop('processes') == then.pop('processes')
    differing = [
        f'{name} was {then.get(name)}, now is {now[name]} ({_OPTIONS[name]})'
        for name in now
        if now[name] != then.get(name)
    ]
    if differing:
        raise InputError(
            f'this run cannot continue {runner._load_from}: '
            f'{"; ".join(differing)}. Resume with the old settings, or start '
            'a new run from its weights: give another --work-dir, leave out '
            f'--resume and add --cfg-options load_from={runner._load_from}'
        )
    return same_processes


def _layout(runner: Runner) -> dict[str, int | str | None]:
    return {
        'processes': get_world_size(),
        **_data(runner.train_dataloader),
        'accumulative_counts': runner.optim_wrapper.accumulation,
        'seed': runner.seed,
    }


def _data(loader: DataLoader) -> dict[str, int | str | None]:
    images, repeats = images_and_repeats(cast(Sized, loader.dataset))
    # batches may have a sampler of their own, as mmdet's, or a user's
    batch = loader.batch_size or getattr(loader.batch_sampler, 'batch_size', 0)
    return {
        'number of images': images,
        _NAMES: hash_of_names(loader.dataset),
        _REPEATS: repeats,
        'images per iteration': batch * get_world_size(),
    }


def hash_of_names(dataset: Any) -> str:
    """Of up to a thousand files, without folders, which may be moved.

    Of the data set in a wrapper, if it is in one, as that may hold each image
    several times.
    """
    inner = getattr(dataset, 'dataset', dataset)
    info = getattr(inner, 'get_data_info', None)
    if info is None:
        return 'unknown'
    images = len(cast(Sized, inner))
    chosen = range(0, images, -(-images // 1000))
    paths = [str(info(index).get('img_path', '')) for index in chosen]
    names = '/'.join(map(os.path.basename, paths))
    return hashlib.sha256(os.fsencode(names)).hexdigest()[:8]
