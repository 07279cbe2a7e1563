"""Check that an evaluator scores the images that are predicted."""

from mmdet.evaluation import CocoMetric
from mmengine.evaluator import BaseMetric
from torch.utils.data import Dataset

from ..errors import InputError
from ..transfer.loaders import inner_datasets


def check_scored_images(
    dataset: Dataset, metrics: list[BaseMetric], split: str
) -> None:
    """Raise if a metric's annotation file has other images than the data.

    The metric counts every object of an image that was not predicted as
    missed, and stops at a predicted image that it does not know, but after
    the first epochs of training.

    Raises:
        InputError: naming the numbers of images and the settings.
    """
    files = [scored for m in metrics if (scored := scored_images(m))]
    if not files:
        return
    parts = inner_datasets(dataset)
    predicted = {
        part.get_data_info(index)['img_id']
        for part in parts
        for index in range(len(part))
    }
    for scored in files:
        if predicted != scored:
            names = ', '.join(str(part.ann_file) for part in parts)
            raise InputError(
                f'{split}_dataloader has {len(predicted)} images of {names}, '
                f'but {split}_evaluator.ann_file has {len(scored)}, of which '
                f'{len(predicted & scored)} are the same: the scores would be '
                'wrong; give both the same file, with the images to be '
                f'scored alone, and no {split}_dataloader.dataset.indices'
            )


def scored_images(metric: BaseMetric) -> set[int]:
    """Image ids of a metric's own annotation file.

    Returns:
        set[int]: empty if it has no such file, or only writes predictions.
    """
    if not isinstance(metric, CocoMetric) or metric.format_only:
        return set()
    # The subclass for LVIS has both, and uses the first.
    file = getattr(metric, '_lvis_api', None) or metric._coco_api
    return set(file.get_img_ids()) if file else set()
