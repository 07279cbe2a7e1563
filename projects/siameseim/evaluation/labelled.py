"""Pooled features of labelled images in one folder per class."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import (
    all_gather_object,
    all_reduce,
    get_rank,
    get_world_size,
)
from torch import Tensor, nn
from torch.utils.data import DataLoader, Subset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ..datasets.class_folders import (
    class_names,
    labelled_files,
    read_image,
    same_classes,
)
from ..engine.precision import use_bf16
from ..engine.worker_signals import leave_signals_to_trainer
from ..errors import InputError
from ..log import tell, warn
from ..models import SiameseIMViT
from .features import central_view, mean_features
from .knn import Neighbours, accuracies, merge, nearest_neighbours

_SAY_EVERY = 30.0  # seconds between two lines on how far it is


@dataclass(frozen=True)
class LabelledFeatures:
    """Features of images and their labels."""

    features: Tensor  # (N, C) float16 on the CPU
    labels: Tensor  # (N,) int64 on the CPU


class _ClassFolders(ImageFolder):
    """Hidden folders are no classes; images are those of pretraining."""

    def find_classes(self, directory: str) -> tuple[list[str], dict[str, int]]:
        """Names of the class folders, sorted, and their labels."""
        names = class_names(directory)
        return names, {name: label for label, name in enumerate(names)}

    @staticmethod
    def make_dataset(
        directory: str, class_to_idx: dict[str, int], **kwargs: Any
    ) -> list[tuple[str, int]]:
        """Path and label of each image."""
        return labelled_files(directory, class_to_idx)


def labelled_folder(folder: Path, size: tuple[int, int]) -> ImageFolder:
    """Images of a class-per-folder tree, each as its ``central_view``.

    Args:
        folder (Path): holds one folder of images per class.
        size (tuple[int, int]): height and width of the view in pixels.

    Raises:
        FileNotFoundError: if the folder holds no class, or one no image.
        InputError: if a folder or link in a class leads nowhere.
    """
    steps = [*central_view(size), v2.PILToTensor()]
    root = os.path.expanduser(folder)
    return _ClassFolders(root, v2.Compose(steps), loader=read_image)


def labelled_splits(
    train: Path, val: Path, size: tuple[int, int]
) -> tuple[ImageFolder, ImageFolder]:
    """Two ``labelled_folder`` whose labels mean the same classes.

    Args:
        train (Path): images whose labels are used.
        val (Path): images to classify.
        size (tuple[int, int]): height and width of the view in pixels.

    Raises:
        FileNotFoundError: as ``labelled_folder``, or if a folder is missing.
        InputError: likewise, or if the folders' classes differ.
    """
    same_classes(train, val)
    return labelled_folder(train, size), labelled_folder(val, size)


def pooled_features(
    backbone: SiameseIMViT,
    preprocessor: nn.Module,
    images: ImageFolder | Subset,
    batch_size: int = 256,
    num_workers: int = 2,
    precision: str = 'fp32',
    pool: Callable[[SiameseIMViT, Tensor], Tensor] = mean_features,
) -> LabelledFeatures:
    """Feature, unless told otherwise the mean patch token, of every image.

    Draws no number from the global random generators, and holds the features
    once: ImageNet-1k's 1.28 M x 768 are 2 GB.

    Args:
        backbone (SiameseIMViT): on any device.
        preprocessor (nn.Module): the model's data preprocessor.
        images (ImageFolder | Subset): from ``labelled_folder``, or a part.
        batch_size (int): images encoded at a time. Defaults to 256.
        num_workers (int): loading processes. Defaults to 2.
        precision (str): 'fp32', 'bf16' or 'auto'. Defaults to 'fp32'.
        pool (Callable): function of ``features``. Defaults to the mean.

    Raises:
        InputError: naming an image that cannot be read.
    """
    loader = DataLoader(
        images,
        batch_size,
        num_workers=num_workers,
        generator=torch.Generator(),
        # a run that is told to stop while it measures is to end well
        worker_init_fn=leave_signals_to_trainer,
    )
    device = next(backbone.parameters()).device.type
    bf16 = use_bf16(precision, device)
    features, labels, done = torch.empty(0), [], 0
    told = time.monotonic()
    for batch, label in loader:
        data = preprocessor(dict(inputs=batch, data_samples=None))
        with torch.autocast(device, dtype=torch.bfloat16, enabled=bf16):
            found = pool(backbone, data['inputs'])
        if not done:
            shape = len(images), found.shape[1]
            features = torch.empty(shape, dtype=torch.float16)
        features[done : done + len(label)] = found
        labels.append(label)
        done += len(label)
        if time.monotonic() - told >= _SAY_EVERY:
            tell(f'{done:,} of {len(images):,} images encoded')
            told = time.monotonic()
    if not features.isfinite().all():
        warn(
            'features are NaN or too large for the half precision in which '
            'they are kept (65,504): what is measured of them says nothing'
        )
    return LabelledFeatures(features, torch.cat(labels))


def shard(images: ImageFolder) -> Subset:
    """The images this process encodes: every n-th of n processes.

    Raises:
        InputError: on all alike, if there are fewer images than processes.
    """
    processes = get_world_size()
    if len(images) < processes:
        raise InputError(
            f'{images.root} has {len(images)} images, fewer than the '
            f'{processes} processes: give more images, or start fewer'
        )
    return Subset(images, range(get_rank(), len(images), processes))


def centre_of(bank: LabelledFeatures) -> Tensor:
    """Mean feature of all processes' parts: (C,) float32 on the CPU."""
    # in parts, since a sum in float64 makes a copy in float64 first
    parts = [p.double().sum(dim=0) for p in bank.features.split(32768)]
    total = torch.stack(parts).sum(dim=0)
    count = torch.tensor([len(bank.features)], dtype=torch.float64)
    for number in (total, count):
        all_reduce(number)
    return (total / count).float()


def folder_neighbours(
    bank: LabelledFeatures,
    queries: LabelledFeatures,
    k: int,
    centred: bool = True,
    device: torch.device | str | None = None,
) -> tuple[Neighbours, Tensor]:
    """Neighbours of the images of all processes in those of all processes.

    Args:
        bank (LabelledFeatures): the part of the bank in this process.
        queries (LabelledFeatures): the part of the queries in this process.
        k (int): neighbours.
        centred (bool): subtract the bank's mean feature from both, since
            what all images share dominates cosines and says nothing.
            Defaults to True.
        device (torch.device | str, optional): as for
            ``nearest_neighbours``.

    Returns:
        tuple[Neighbours, Tensor]: of all queries, and their labels (N,); the
        same in all processes.
    """
    parts = all_gather_object((queries.features, queries.labels))
    features, labels = (torch.cat(part) for part in zip(*parts, strict=True))
    own = nearest_neighbours(
        features,
        bank.features,
        bank.labels,
        k,
        device,
        centre_of(bank) if centred else None,
    )
    return merge(all_gather_object(own), k), labels


def folder_accuracies(
    backbone: SiameseIMViT,
    preprocessor: nn.Module,
    splits: tuple[ImageFolder, ImageFolder],
    ks: list[int],
    temperature: float = 0.1,
    centred: bool = True,
    **kwargs: Any,
) -> dict[int, float]:
    """k-NN accuracy of a backbone, over all processes.

    Args:
        backbone (SiameseIMViT): on any device; its modes and buffers stay.
        preprocessor (nn.Module): the model's data preprocessor.
        splits (tuple[ImageFolder, ImageFolder]): of ``labelled_splits``.
        ks (list[int]): numbers of neighbours.
        temperature (float): of the vote. Defaults to 0.1.
        centred (bool): as for ``folder_neighbours``. Defaults to True.
        **kwargs: as for ``pooled_features``.

    Returns:
        dict[int, float]: accuracy by k.
    """
    bank, queries = (
        pooled_features(backbone, preprocessor, shard(split), **kwargs)
        for split in splits
    )
    device = next(backbone.parameters()).device
    found, labels = folder_neighbours(
        bank, queries, max(ks), centred, device=device
    )
    return accuracies(found, labels, ks, temperature)
