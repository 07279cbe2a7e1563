"""Accuracy of a classifier on shifted versions of its data."""

import copy
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.device import get_device
from mmpretrain.apis import get_model
from mmpretrain.registry import DATASETS
from torch.utils.data import DataLoader

from ..datasets.class_folders import class_names
from ..datasets.image_folder import image_extensions
from ..layouts.layout import state_of
from ..layouts.safe_load import load_file
from ..transfer import classification
from ..transfer.whole_checkpoint import check_whole
from .corruptions import ALEXNET_ERRORS, SEVERITIES
from .imagenet_classes import classes_of, columns_of


@dataclass(frozen=True)
class Classifier:
    """A trained classifier and how it wants its images."""

    model: Any  # ImageClassifier in eval mode
    pipeline: list[dict[str, Any]]  # test transforms of its config
    classes: list[str]  # folder names of its outputs, in order
    loading: dict[str, Any]  # ``batch_size`` and ``num_workers``


def load_classifier(
    config: Config,
    checkpoint: str,
    classes: str | None = None,
    device: str | None = None,
    **loading: Any,
) -> Classifier:
    """Load a classifier that ``tools/train.py`` trained.

    Args:
        config (Config): of the training.
        checkpoint (str): file written by it.
        classes (str, optional): training folder or list of class folders;
            needed if the checkpoint does not name them.
        device (str, optional): defaults to None: a GPU if there is one.
        **loading: ``batch_size`` and ``num_workers``.

    Raises:
        FileNotFoundError: if a file does not exist.
        ValueError: if it is no classifier, or the classes do not fit it.
    """
    cfg = copy.deepcopy(config)
    classification.read_files(cfg)
    contents = load_file(checkpoint)
    weight = state_of(contents).get('head.fc.weight')
    if weight is None:
        raise ValueError(
            f'{checkpoint} holds no head.fc.weight, so no classifier of '
            'mmpretrain: train one, or convert a published fine-tuned file '
            'with tools/convert.py --to mmpretrain-classifier'
        )
    outputs = len(weight)
    classification.set_classes(cfg, outputs)
    named = contents.get('meta', {}).get('dataset_meta', {}).get('classes', [])
    model = get_model(
        cfg, pretrained=checkpoint, device=device or get_device()
    )
    check_whole(model, contents, checkpoint)
    return Classifier(
        model,
        cfg.test_dataloader.dataset.pipeline,
        classes_of(named, outputs, classes),
        loading or dict(batch_size=128, num_workers=2),
    )


@torch.no_grad()
def accuracy(
    classifier: Classifier, folder: Path, pipeline: list[dict] | None = None
) -> float:
    """Top-1 accuracy on a class-per-folder tree.

    Only the outputs of the classes that are there are compared.

    Args:
        classifier (Classifier): the classifier.
        folder (Path): one folder of images for some or all of its classes.
        pipeline (list[dict], optional): transforms in place of its own.

    Raises:
        FileNotFoundError: if it has no folders of classes, or no image in
            them.
        ValueError: if a folder is none of its classes.
    """
    dataset = _labelled(folder, pipeline or classifier.pipeline)
    columns = columns_of(dataset.metainfo['classes'], classifier.classes)
    loader = DataLoader(
        dataset, collate_fn=pseudo_collate, **classifier.loading
    )
    right = 0
    for batch in loader:
        for sample in classifier.model.test_step(batch):
            scores = sample.pred_score.cpu()[columns]
            right += int(scores.argmax() == sample.gt_label.item())
    return right / len(dataset)


def _labelled(folder: Path, pipeline: list[dict]) -> Any:
    """A class-per-folder tree as a data set of mmpretrain."""
    class_names(folder)
    settings = dict(
        type='CustomDataset',
        data_root=str(folder),
        extensions=image_extensions(),
        pipeline=pipeline,
        serialize_data=False,  # it collects garbage each time, 75 times
    )
    try:
        return DATASETS.build(settings)
    except RuntimeError as error:  # 'Found 0 files'
        raise FileNotFoundError(
            f'{folder} has no image in its class folders: check that it is '
            'unpacked in full'
        ) from error


def made_corruptions(
    classifier: Classifier, clean: Path
) -> dict[str, list[float]]:
    """Errors on corruptions that are made from clean images on the fly.

    Returns:
        dict[str, list[float]]: error at the five severities, by corruption.
    """
    *steps, pack = classifier.pipeline
    errors: dict[str, list[float]] = {name: [] for name in ALEXNET_ERRORS}
    for name, severity in product(ALEXNET_ERRORS, SEVERITIES):
        corrupt = dict(type='Corrupt', name=name, severity=severity)
        right = accuracy(classifier, clean, [*steps, corrupt, pack])
        errors[name].append(1 - right)
    return errors


def stored_corruptions(
    classifier: Classifier, root: Path
) -> dict[str, list[float]]:
    """Errors on the published ImageNet-C.

    Its images are cut to 224 pixels already, so they are not enlarged and
    cut once more.

    Args:
        classifier (Classifier): the classifier.
        root (Path): holds NAME/SEVERITY/CLASS/*.JPEG, or these in the folders
            of its archives (noise/NAME/...).

    Raises:
        FileNotFoundError: if one of the 75 folders is missing.
    """
    pipeline = _uncropped(classifier.pipeline)
    errors = {}
    for name in ALEXNET_ERRORS:
        folder = next(
            (p for p in (root / name, *root.glob(f'*/{name}')) if p.is_dir()),
            root / name,
        )
        parts = [folder / str(severity) for severity in SEVERITIES]
        for part in parts:
            if not part.is_dir():
                raise FileNotFoundError(
                    f'{part} does not exist: ImageNet-C needs all 15 '
                    'corruptions with the severities 1 to 5'
                )
        errors[name] = [1 - accuracy(classifier, p, pipeline) for p in parts]
    return errors


def _uncropped(pipeline: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The test transforms, resizing straight to the crop."""
    steps = copy.deepcopy(pipeline)
    crops = [s['crop_size'] for s in steps if s['type'] == 'CenterCrop']
    for step in steps:
        if step['type'] == 'ResizeEdge' and crops:
            step['scale'] = crops[0]
    return steps
