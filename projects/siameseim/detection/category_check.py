"""Check of categories before mmdet trains on them."""

import json
from pathlib import Path

from mmdet.registry import HOOKS
from mmengine.dataset import BaseDataset
from torch import nn

from ..errors import InputError
from ..transfer.data_check import DataCheckHook, check_class_count


@HOOKS.register_module()
class SiameseIMDetectionCheckHook(DataCheckHook):
    """Raises if heads or annotations do not have the classes of the data set.

    mmdet drops annotations of categories that the config does not name, and
    numbers the others in the order of the file, whatever order the config
    has: both train silently on wrong labels.
    """

    def check_dataset(self, dataset: BaseDataset, model: nn.Module) -> None:
        """Compare annotation file, classes and heads."""
        classes = dataset.metainfo['classes']
        found = getattr(dataset, 'cat_ids', classes)
        stock = getattr(type(dataset), 'METAINFO', {}).get('classes')
        # Reading the file again takes seconds on COCO: only where needed.
        if len(found) != len(classes) or (
            isinstance(found, list) and classes != stock
        ):
            check_categories(dataset.ann_file, classes)
        for name, part in model.named_modules():
            if hasattr(part, 'num_classes') and 'rpn' not in name:
                check_class_count(f'model.{name}', part.num_classes, classes)


def check_categories(ann_file: str, classes: tuple[str, ...]) -> None:
    """Raise if a COCO-format file has not the classes, in their order.

    Args:
        ann_file (str): the annotations.
        classes (tuple[str, ...]): names in the config.

    Raises:
        InputError: naming both lists and the line that cures it.
    """
    categories = json.loads(Path(ann_file).read_text())['categories']
    in_file = tuple(category['name'] for category in categories)
    missing = [name for name in classes if name not in in_file]
    common = tuple(name for name in in_file if name in classes)
    if not missing and common == tuple(classes):
        return
    problem = (
        f'has no category {_some(missing)}'
        if missing
        else f'has them in another order, {_some(common)}'
    )
    raise InputError(
        f'the config names the classes {_some(classes)}, but {ann_file} '
        f'{problem}; it has {_some(in_file)}: give '
        f'metainfo=dict(classes=...) to the dataset of every data loader, '
        'with names and order of the file, and num_classes of the heads'
    )


def _some(names: list | tuple) -> str:
    more = ', ...' if len(names) > 6 else ''
    return f'({len(names)}) ' + ', '.join(map(repr, names[:6])) + more
