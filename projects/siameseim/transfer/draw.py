"""Predictions drawn on images by the toolboxes' own visualizers."""

import copy
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import mmcv
import torch
from mmengine.config import Config
from mmengine.model import revert_sync_batchnorm
from torch import nn

from ..errors import InputError
from ..layouts.safe_load import load_file
from ..log import warn
from .classification import is_classifier, read_files
from .config import check_operators
from .whole_checkpoint import check_whole

# The model, what predicts the images of paths, what draws a prediction, and
# what says it in words.
_Parts = tuple[nn.Module, Callable, Callable, Callable[[Any], str]]
_SUFFIXES = {'.jpg', '.jpeg', '.png', '.bmp', '.tif', '.tiff', '.webp'}


def find_images(place: str) -> list[Path]:
    """An image, or all images directly in a folder but hidden ones.

    Raises:
        FileNotFoundError: if there is none.
    """
    path = Path(place)
    if path.is_file():
        return [path]
    if not path.exists():
        raise FileNotFoundError(
            f'{place} is no image and no folder: it does not exist'
        )
    files = sorted(path.glob('[!.]*'))
    images = [f for f in files if f.suffix.lower() in _SUFFIXES]
    if not images:
        raise FileNotFoundError(
            f'{place} is no image and no folder with images '
            f'({", ".join(sorted(_SUFFIXES))})'
        )
    return images


def _readable(images: Sequence[Path]) -> list[Path]:
    """Leave out, and name, what is no intact image."""
    found = []
    for image in images:
        if cv2.imread(str(image)) is None:
            text = f'{image} is no intact image: it is left out'
            warn(text)
        else:
            found.append(image)
    if not found:
        raise InputError(f'none of {len(images)} images can be read')
    return found


def draw_predictions(
    cfg: Config,
    checkpoint: str,
    images: Sequence[Path],
    out: Path,
    score: float = 0.3,
    device: str | None = None,
) -> dict[Path, str]:
    """Predict each image and write it, with the prediction, as a PNG file.

    Args:
        cfg (Config): of mmdet, mmseg or a classifier of mmpretrain.
        checkpoint (str): file written by its training.
        images (Sequence[Path]): image files.
        out (Path): folder of the pictures, made if needed.
        score (float): detections below are not drawn. Defaults to 0.3.
        device (str, optional): defaults to None: a GPU if there is one.

    Returns:
        dict[Path, str]: the files written, each with the likeliest class and
        its score; '' for boxes and masks.

    Raises:
        InputError: if the checkpoint is of another model, unsafe or damaged,
            or no image can be read.
        ValueError: if the config belongs to no toolbox.
    """
    device = device or ('cuda:0' if torch.cuda.is_available() else 'cpu')
    images = _readable(images)
    state = load_file(checkpoint)
    toolbox = cfg.get('default_scope')
    if is_classifier(cfg):
        classes = state.get('meta', {}).get('dataset_meta', {}).get('classes')
        parts = _classifier(cfg, checkpoint, device, classes)
    elif toolbox == 'mmdet':
        parts = _detector(cfg, checkpoint, device, score)
    elif toolbox == 'mmseg':
        parts = _segmentor(cfg, checkpoint, device)
    else:
        raise ValueError(
            f'default_scope={toolbox!r} of the config is neither mmdet nor '
            'mmseg, nor does it train a classifier: give a config of '
            'configs/detection, configs/segmentation or '
            'configs/classification'
        )
    model, predict, draw, say = parts
    check_whole(model, state, checkpoint)
    out.mkdir(parents=True, exist_ok=True)
    said = {}
    samples = predict([str(image) for image in images])
    for image, sample in zip(images, samples, strict=True):
        file = out / f'{image.name}.png'
        draw(
            name=image.name,
            image=mmcv.imread(str(image), channel_order='rgb'),
            data_sample=sample,
            draw_gt=False,
            out_file=str(file),
        )
        said[file] = say(sample)
    return said


def _classifier(
    cfg: Config, checkpoint: str, device: str, classes: list[str] | None
) -> _Parts:
    from mmpretrain.apis import ImageClassificationInferencer
    from mmpretrain.visualization import UniversalVisualizer

    cfg = copy.deepcopy(cfg)
    read_files(cfg)
    if classes:  # of the data that it was trained on
        cfg.model.head.num_classes = len(classes)
    predict = ImageClassificationInferencer(cfg, checkpoint, device)
    return (
        predict.model,
        partial(predict, return_datasamples=True),
        partial(UniversalVisualizer().visualize_cls, classes=predict.classes),
        partial(_class_and_score, classes=predict.classes),
    )


def _class_and_score(sample: Any, classes: Sequence[str] | None) -> str:
    score, label = sample.pred_score.max(dim=0)
    name = classes[label] if classes else f'class {label}'
    return f'{name} ({score:.1%})'


def _detector(
    cfg: Config, checkpoint: str, device: str, score: float
) -> _Parts:
    from mmdet.apis import inference_detector, init_detector
    from mmdet.visualization import DetLocalVisualizer

    if device != 'cpu':
        check_operators(cfg)
    model = init_detector(cfg, checkpoint, device=device)
    visualizer = DetLocalVisualizer('predictions')
    visualizer.dataset_meta = model.dataset_meta
    return (
        model,
        partial(map, partial(inference_detector, model)),  # one by one
        partial(visualizer.add_datasample, pred_score_thr=score),
        lambda sample: '',
    )


def _segmentor(cfg: Config, checkpoint: str, device: str) -> _Parts:
    from mmseg.apis import inference_model, init_model
    from mmseg.visualization import SegLocalVisualizer

    cfg = copy.deepcopy(cfg)
    if not cfg.get('test_dataloader'):
        raise InputError(
            'the config has no test_dataloader, whose pipeline tells how '
            'images are read: add it'
        )
    data = cfg.test_dataloader.dataset
    while 'pipeline' not in data:  # of a wrapper
        data = data.get('dataset') or data.datasets[0]
    cfg.test_pipeline = [  # mmseg reads only this
        step
        for step in data.pipeline
        if not str(step['type']).endswith('LoadAnnotations')
    ]
    model = revert_sync_batchnorm(init_model(cfg, checkpoint, device=device))
    visualizer = SegLocalVisualizer('predictions')
    visualizer.dataset_meta = model.dataset_meta
    return (
        model,
        partial(map, partial(inference_model, model)),
        visualizer.add_datasample,
        lambda sample: '',
    )
