"""Pooled features of labelled images in one folder per class."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

from ..models import SiameseIMViT
from .features import patch_features, pooled


def labelled_folder(folder: Path, size: tuple[int, int]) -> ImageFolder:
    """Images of a class-per-folder tree as the field evaluates them.

    The short side is resized to 256 / 224 of the view, then the centre is cut
    out.

    Args:
        folder (Path): holds one folder of images per class.
        size (tuple[int, int]): height and width of the view in pixels.

    Raises:
        FileNotFoundError: if the folder holds no class with images.
    """
    steps = [
        v2.Resize(round(max(size) * 256 / 224), antialias=True),
        v2.CenterCrop(size),
        v2.PILToTensor(),
    ]
    return ImageFolder(str(folder), transform=v2.Compose(steps))


def pooled_features(
    backbone: SiameseIMViT,
    preprocessor: nn.Module,
    images: Dataset,
    batch_size: int = 256,
    num_workers: int = 2,
) -> tuple[Tensor, Tensor]:
    """Mean patch token and label of every image.

    Args:
        backbone (SiameseIMViT): on any device.
        preprocessor (nn.Module): the model's data preprocessor.
        images (Dataset): from ``labelled_folder``, or a part of it.
        batch_size (int): images encoded at a time. Defaults to 256.
        num_workers (int): loading processes. Defaults to 2.

    Returns:
        tuple[Tensor, Tensor]: (N, C) float32 and (N,) int64 on the CPU.
    """
    loader = DataLoader(images, batch_size, num_workers=num_workers)
    features, labels = [], []
    for batch, label in loader:
        data = preprocessor(dict(inputs=batch, data_samples=None))
        features.append(pooled(patch_features(backbone, data['inputs'])))
        labels.append(label)
    return torch.cat(features), torch.cat(labels)
