"""Fits a classification config to a folder of data."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, ConfigDict
from mmengine.utils import to_2tuple

from ..datasets.class_folders import same_classes, split_folders
from ..datasets.image_folder import image_extensions
from ..errors import InputError
from ..log import warn
from .loaders import loaders, metrics

# Files by which the stock data sets' own layouts are told.
_STOCK = {
    'CIFAR10': 'cifar-10-batches-py',
    'Food101': 'meta/train.txt',
    'ImageNet': 'meta',
}
# Transforms after which images have the size that this setting says.
_SIZED = {
    'CenterCrop': 'crop_size',
    'RandomCrop': 'crop_size',
    'RandomResizedCrop': 'scale',
    'Resize': 'scale',
}


def is_classifier(cfg: Config) -> bool:
    """Whether a config trains one of mmpretrain's classifiers."""
    return cfg.get('model', {}).get('type') == 'ImageClassifier'


def set_data(cfg: Config, folder: str) -> None:
    """Train and test on a folder, with as many classes as it has.

    Args:
        cfg (Config): of a classifier, changed in place.
        folder (str): in the layout of the config's own data set, or with
            ``train`` and ``val`` (or ``test``), each with one folder of
            images per class. ``train`` may be missing where only the test
            data are used.

    Raises:
        FileNotFoundError: if the folder has neither layout.
        InputError: if the classes of its parts differ, or one is hidden.
    """
    root = Path(folder).expanduser()
    stock = _STOCK.get(cfg.test_dataloader.dataset.type)
    if stock and (root / stock).exists():
        for loader in loaders(cfg).values():
            loader.dataset.data_root = str(root)
        return
    train, val = split_folders(root, needs_train=False)
    hidden = [*train.glob('.*'), *val.glob('.*')]
    for path in filter(Path.is_dir, hidden):
        raise InputError(  # the stock data set takes any folder for a class
            f'the hidden folder {path} would be a class: remove it, or '
            'rename it if it is one'
        )
    classes = same_classes(train if train.is_dir() else val, val)
    read_files(cfg)
    for split, loader in loaders(cfg).items():
        part = train if split == 'train' else val
        loader.dataset = _custom(part, classes, loader.dataset)
    set_classes(cfg, len(classes))


def read_files(cfg: Config) -> None:
    """Make the transforms of all data read image files.

    Those of CIFAR-10 take images that its data set decoded, as RGB.
    """
    for loader in loaders(cfg).values():
        steps = loader.dataset.pipeline
        if steps[0].type != 'LoadImageFromFile':
            loader.dataset.pipeline = [dict(type='LoadImageFromFile'), *steps]
    if _preprocessor(cfg).get('to_rgb') is False:
        _preprocessor(cfg).to_rgb = True  # files are decoded as BGR


def set_classes(cfg: Config, count: int) -> None:
    """Give head, preprocessor and metric a number of classes."""
    cfg.model.head.num_classes = count
    _preprocessor(cfg).num_classes = count
    for metric in metrics(cfg, 'val') + metrics(cfg, 'test'):
        if isinstance(metric.get('topk'), list | tuple):
            metric.topk = [k for k in metric.topk if k <= count]


def check_sizes(cfg: Config, splits: Sequence[str]) -> None:
    """Refuse images that all are of another size than the backbone's.

    It would take them, with more or fewer patches than were meant. Where one
    split has its size, another may differ, as in training at a lower one
    (https://arxiv.org/abs/1906.06423): that is a warning.

    Args:
        cfg (Config): of a classifier, before ``set_data``.
        splits (Sequence[str]): of 'train', 'val' and 'test', those in use.

    Raises:
        InputError: naming both settings.
    """
    built_for = cfg.model.get('backbone', {}).get('img_size')
    found = {
        split: _final_size(loader.dataset.get('pipeline', []))
        for split, loader in loaders(cfg).items()
        if split in splits and built_for is not None
    }
    others = [
        f'{split}_dataloader.dataset.pipeline.{setting}={size}'
        for split, (setting, size) in found.items()
        if size is not None and {*to_2tuple(size)} != {*to_2tuple(built_for)}
    ]
    text = (
        f'{" and ".join(others)}, but model.backbone.img_size={built_for}: '
        'give all the same size with --cfg-options (docs/classification.md)'
    )
    if others and len(others) == len(found):
        raise InputError(text)
    if others:
        warn(text)


def _final_size(steps: list[ConfigDict]) -> tuple[str, Any]:
    """The last setting that fixes the size of images, and that size.

    The size is None if no transform fixes it.
    """
    found: tuple[str, Any] = '', None
    for place, step in enumerate(steps):
        name = _SIZED.get(str(step.type).rpartition('.')[2])
        if name in step and not step.get('keep_ratio'):
            found = f'{place}.{name}', step[name]
    return found


def _preprocessor(cfg: Config) -> ConfigDict:
    """Of the whole config, as usual, or inside the model."""
    for place in (cfg, cfg.model):
        if place.get('data_preprocessor') is not None:
            return place.data_preprocessor
    cfg.data_preprocessor = {}  # the stock one
    return cfg.data_preprocessor


def _custom(folder: Path, classes: list[str], stock: ConfigDict) -> ConfigDict:
    """A stock folder-per-class data set with the settings of another one."""
    kept = ('pipeline', 'indices', 'lazy_init', 'serialize_data')
    return ConfigDict(
        type='CustomDataset',
        data_root=str(folder.parent),
        data_prefix=folder.name,
        metainfo=dict(classes=classes),
        # the stock list leaves out .tiff, .webp and others without a word
        extensions=image_extensions(),
        **{key: stock[key] for key in kept if key in stock},
    )
