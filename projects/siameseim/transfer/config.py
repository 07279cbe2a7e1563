"""Fits a transfer config to machine and command line.

The toolboxes' own tools need none of this; ``tools/train.py`` and
``tools/test.py`` call it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config, ConfigDict

from ..detection.annotation_file import read_annotations
from ..errors import InputError
from ..launch.train_config import fit_loader
from . import classification
from .loaders import inner_datasets, loaders, metrics, spawn_on_mac
from .whole_checkpoint import write_completely

# Data sets of mmdet whose files the checks before training read as well.
_COCO_FORMAT = ('CocoDataset', 'LVISV05Dataset', 'LVISV1Dataset')


def is_transfer(cfg: Config) -> bool:
    """Whether a config trains a detector, a segmentor or a classifier."""
    scope = cfg.get('default_scope')
    return scope in ('mmdet', 'mmseg') or classification.is_classifier(cfg)


def fit(cfg: Config, data: str | None, processes: int) -> None:
    """Set the folder of the data and use no more workers than cores.

    Checkpoints are then written completely or not at all.

    Args:
        cfg (Config): changed in place.
        data (str, optional): folder in place of the config's ``data_root``;
            for classifiers see ``classification.set_data``.
        processes (int): processes that share this machine.

    Raises:
        FileNotFoundError: if files the config names do not exist.
        InputError: as ``check_operators``, ``check_files`` and
            ``classification.check_sizes``.
    """
    classifier = classification.is_classifier(cfg)
    if classifier:
        tested = cfg.get('train_dataloader') is None
        used = ('test',) if tested else ('train', 'val')
        classification.check_sizes(cfg, used)
    if data is not None:
        (classification.set_data if classifier else set_data_root)(cfg, data)
    check_operators(cfg)
    write_completely(cfg)
    spawn_on_mac(cfg)
    for split, loader in loaders(cfg).items():
        fit_loader(loader, processes)
        for dataset in inner_datasets(loader.dataset):
            check_files(dataset, split)


def check_operators(cfg: Config) -> None:
    """Refuse to run a detector on a GPU that mmcv was not compiled for.

    Raises:
        InputError: naming the cures.
    """
    if cfg.get('default_scope') != 'mmdet' or not torch.cuda.is_available():
        return
    from mmcv.ops import get_compiling_cuda_version

    if get_compiling_cuda_version() == 'not available':
        raise InputError(
            'mmcv was compiled for the CPU only, and detectors need its '
            'operators on the GPU: install the CUDA toolkit (nvcc) of torch '
            f'({torch.version.cuda}), then `python -m pip uninstall -y mmcv` '
            'and `python3 tools/setup_env.py test`; or set '
            'CUDA_VISIBLE_DEVICES= to run on the CPU'
        )


def forget_absent_weights(cfg: Config) -> str | None:
    """Resume without the pretrained file, whose weights are trained on.

    The config is changed in place. Returns what was done, for the log.
    """
    backbone: Any = cfg.model.get('backbone') or ConfigDict()
    init = backbone.get('init_cfg') or []
    entries = init if isinstance(init, list) else [init]
    absent = [entry for entry in entries if _is_absent(entry)]
    if not absent:
        return None
    backbone.init_cfg = [e for e in entries if e not in absent] or None
    return (
        f'{absent[0]["checkpoint"]}, from which the run was begun, does not '
        'exist: all weights are those of the checkpoint'
    )


def _is_absent(entry: Any) -> bool:
    """Whether an initialiser needs a local file that does not exist."""
    if not isinstance(entry, dict):
        return False
    file = entry.get('checkpoint')
    if entry.get('type') != 'Pretrained' or not file or '://' in file:
        return False
    return not Path(file).expanduser().exists()


def set_data_root(cfg: Config, folder: str) -> None:
    """Read all data from a folder laid out as the config's ``data_root``.

    The config is changed in place, its evaluators too.
    """
    folder = os.path.expanduser(folder)
    for split, loader in loaders(cfg).items():
        datasets = inner_datasets(loader.dataset)
        old = {dataset.get('data_root') for dataset in datasets}
        for dataset in datasets:
            dataset.data_root = folder
        for metric in metrics(cfg, split):
            _move_paths(metric, old - {None, ''}, folder)


def _move_paths(metric: ConfigDict, old: set[str], folder: str) -> None:
    """Put a folder in place of the old roots in a metric's settings."""
    for name, path in metric.items():
        for root in old:
            start = os.path.join(root, '')
            if isinstance(path, str) and path.startswith(start):
                metric[name] = os.path.join(folder, path[len(start) :])


def check_files(dataset: ConfigDict, split: str) -> None:
    """Raise if a data set's annotation file or folders cannot be used.

    Raises:
        FileNotFoundError: naming a local path that does not exist, and the
            settings it comes from.
        InputError: naming a file in COCO's format that cannot be read or
            lists no image.
    """
    if dataset.type == 'CIFAR10' and dataset.get('download', True):
        return
    root = dataset.get('data_root') or ''
    named = _paths(dataset)
    for name, value in named.items():
        path = Path(root, value)
        remote = '://' in str(root) + str(value)
        if not remote and not path.exists():
            raise FileNotFoundError(
                f'{path} does not exist: it is made of data_root={root!r} and '
                f'{name}={value!r} of {dataset.type}; give the folder of the '
                'data with --data FOLDER, or correct these settings (layout: '
                'docs/detection.md, segmentation.md, classification.md)'
            )
    if dataset.type in _COCO_FORMAT and 'ann_file' in named:
        file = read_annotations(os.path.join(root, dataset.ann_file))
        if not file.images:
            raise InputError(
                f'{file.path}, the ann_file of {split}_dataloader, lists no '
                'images: add them under "images", or give another file'
            )


def _paths(dataset: ConfigDict) -> dict[str, str]:
    """The settings that name a data set's files and folders in its root."""
    prefix = dataset.get('data_prefix') or ''
    named = prefix if isinstance(prefix, dict) else dict(data_prefix=prefix)
    if dataset.get('ann_file'):
        named = dict(named, ann_file=dataset.ann_file)
    return named


@contextmanager
def empty_data_explained(cfg: Config, split: str = 'train') -> Iterator[None]:
    """Building a split's data in here tells why no image is left.

    The toolboxes' own errors are numpy's 'need at least one array to
    concatenate' and mmpretrain's 'Found 0 files'.

    Args:
        cfg (Config): of a toolbox; others pass.
        split (str): 'train', 'val' or 'test'. Defaults to 'train'.

    Raises:
        InputError: naming files and classes and what to change.
    """
    names = dict(train='training', val='validation')
    missing = f'no {names.get(split, split)} image is left: '
    try:
        yield
    except RuntimeError as error:
        if 'Found 0 files' not in str(error):
            raise
        raise InputError(
            f'{missing}{error} Give another --data FOLDER'
        ) from error
    except ValueError as error:
        if not is_transfer(cfg) or 'at least one array' not in str(error):
            raise
        parts = inner_datasets(cfg[f'{split}_dataloader'].dataset)
        raise InputError(
            missing
            + '; '.join(_describe(part, cfg.default_scope) for part in parts)
        ) from error


def _describe(dataset: ConfigDict, toolbox: str) -> str:
    """Where a data set looks for images, and what to change."""
    root = dataset.get('data_root') or ''
    text = f'{dataset.type} with data_root={root!r}, ' + ', '.join(
        f'{name}={value!r}' for name, value in _paths(dataset).items()
    )
    if toolbox == 'mmseg':
        return f'{text} found no file of its img_suffix: set img_suffix'
    if toolbox != 'mmdet':
        return f'{text} lists none: correct ann_file'
    path = os.path.join(root, dataset.ann_file)
    file = read_annotations(path)
    if not file.counts:
        return (
            f'{path} has no annotations of its images: give a file with '
            'boxes (ann_file of the data set), or add them under '
            '"annotations", each with the id of its image as image_id'
        )
    names = [*file.categories.values()]
    given = dataset.get('metainfo', {}).get('classes')
    return (
        f'{text} leaves out images without an annotation of its classes '
        f'({given or "its own"}); {path} has the {len(names)} categories '
        f'{names[:6]}: set metainfo=dict(classes=...) and num_classes of the '
        'heads'
    )
