"""Check of annotations before mmdet trains on them."""

from mmdet.datasets import CocoDataset
from mmdet.registry import HOOKS
from mmengine.dataset import BaseDataset
from mmengine.evaluator import Evaluator
from mmengine.runner import Runner, TestLoop, ValLoop
from torch import nn
from torch.utils.data import Dataset

from ..errors import InputError, some
from ..log import warn
from ..transfer.data_check import DataCheckHook, check_class_count
from ..transfer.loaders import inner_datasets
from .annotation_file import AnnotationFile, read_annotations
from .scored_images import check_scored_images


@HOOKS.register_module()
class SiameseIMDetectionCheckHook(DataCheckHook):
    """Raises if heads or annotations do not have the classes of the data set.

    mmdet drops annotations of categories that the config does not name, and
    numbers the others in the order of the file, whatever order the config
    has: both train silently on wrong labels. It also drops annotations whose
    boxes it cannot use, and trains on none.
    """

    def before_train(self, runner: Runner) -> None:
        """Check the data, and that there is an object to learn."""
        super().before_train(runner)
        reason = no_objects(runner.train_dataloader.dataset)
        if reason:
            raise InputError(f'nothing to learn from: {reason}')

    def check_dataset(self, dataset: BaseDataset, model: nn.Module) -> None:
        """Compare annotation file, classes and heads."""
        classes = dataset.metainfo['classes']
        if isinstance(dataset, CocoDataset):
            stock = dataset.METAINFO.get('classes')
            if len(dataset.cat_ids) != len(classes) or classes != stock:
                check_categories(dataset.ann_file, classes)
            file = read_annotations(dataset.ann_file)
            if loads_masks(dataset):
                check_masks(file, dataset.cat_ids)
            warning = left_out(file, dataset.cat_ids)
            if warning:
                warn(warning)
        for name, part in model.named_modules():
            if hasattr(part, 'num_classes') and 'rpn' not in name:
                check_class_count(f'model.{name}', part.num_classes, classes)

    def check_scored(
        self, runner: Runner, loop: ValLoop | TestLoop, split: str
    ) -> None:
        """Compare the images of data set and evaluator too."""
        super().check_scored(runner, loop, split)
        dataset, evaluator = loop.dataloader.dataset, loop.evaluator
        # mmdet's own for several data sets gives each metric one of them.
        if type(evaluator) is Evaluator:
            check_scored_images(dataset, evaluator.metrics, split)
        if all(getattr(m, 'format_only', False) for m in evaluator.metrics):
            return
        reason = no_objects(dataset)
        if reason:
            warn(
                f'the scores of {split}_dataloader will be -1 or 0 and mean '
                f'nothing: {reason}'
            )


def check_categories(ann_file: str, classes: tuple[str, ...]) -> None:
    """Raise if a COCO-format file has not the classes, in their order.

    Raises:
        InputError: naming both lists and the line that cures it.
    """
    in_file = tuple(read_annotations(ann_file).categories.values())
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


def loads_masks(dataset: BaseDataset) -> bool:
    """Whether a data set's pipeline needs the masks of annotations."""
    steps = dataset.pipeline.transforms
    return any(getattr(step, 'with_mask', False) for step in steps)


def check_masks(file: AnnotationFile, cat_ids: list[int]) -> None:
    """Raise if annotations that are used have no mask.

    Raises:
        InputError: naming their number and the first.
    """
    used = {*cat_ids}
    bare = [a for a in file.no_mask if a['category_id'] in used]
    if bare:
        raise InputError(
            f'{len(bare)} annotations of {file.path} have no "segmentation", '
            f'the first is that of id {bare[0]["id"]} (image_id '
            f'{bare[0]["image_id"]}), but mask heads learn from it: give each '
            'annotation polygons or an RLE mask, or remove those without'
        )


def left_out(file: AnnotationFile, cat_ids: list[int]) -> str | None:
    """Which annotations mmdet leaves out, for a warning.

    Returns:
        str | None: numbers and causes; none if all are used.
    """
    used = {*cat_ids}
    parts = [
        f'{number} annotations of {_named(file, category)}'
        for category, number in file.counts.most_common()
        if category not in used
    ]
    if len(parts) > 6:
        parts[6:] = [f'those of {len(parts) - 6} other categories']
    if file.no_image:
        first = file.no_image[0]
        parts.append(
            f'{len(file.no_image)} annotations of images that the file does '
            f'not list (the first has id {first["id"]} and image_id '
            f'{first["image_id"]})'
        )
    no_box = [a for a in file.no_box if a['category_id'] in used]
    if no_box:
        first = no_box[0]
        parts.append(
            f'{len(no_box)} annotations whose bbox is outside its image or '
            'less than 1 pixel wide or high, or whose area is not above 0 '
            f'(the first has id {first["id"]}, bbox {first["bbox"]} and area '
            f'{first["area"]}; bbox is [x, y, width, height] in pixels)'
        )
    if not parts:
        return None
    return (
        f'{file.path}: {", ".join(parts)} are left out; if they should not '
        'be, name their classes in metainfo=dict(classes=...) of the data '
        'sets, or correct the file'
    )


def no_objects(dataset: Dataset) -> str | None:
    """Why no image of the data has an object, if none has.

    Args:
        dataset (Dataset): in any wrappers.

    Returns:
        str | None: files and causes; none if there is an object, or if the
            data are not in COCO's format.
    """
    parts = inner_datasets(dataset)
    if not all(isinstance(part, CocoDataset) for part in parts):
        return None
    indices = ((part, i) for part in parts for i in range(len(part)))
    if any(part.get_data_info(i)['instances'] for part, i in indices):
        return None
    files = [(read_annotations(part.ann_file), part.cat_ids) for part in parts]
    return 'no image has an object that mmdet uses; ' + '; '.join(
        left_out(file, cat_ids)
        or f'{file.path} has no annotations of these images: add them'
        for file, cat_ids in files
    )


def _named(file: AnnotationFile, category: int) -> str:
    if category in file.categories:
        return repr(file.categories[category])
    return f'category_id {category}, which is not in "categories"'


def _some(names: list | tuple) -> str:
    return f'({len(names)}) {some(map(repr, names))}'
