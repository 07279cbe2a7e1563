"""Pooled features of a folder, computed once and kept in a file."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.datasets import ImageFolder

from ..atomic_file import write_complete
from ..log import tell
from ..models import SiameseIMViT
from .features import cls_and_mean_features
from .labelled import LabelledFeatures, pooled_features


@dataclass(frozen=True)
class NamedFeatures(LabelledFeatures):
    """Features of all images of a class-per-folder tree, and their names.

    ``features`` are the mean patch tokens.
    """

    files: list[str]  # class folder and file name of each image
    cls: Tensor  # (N, C) float16 cls tokens


def cached_features(
    backbone: SiameseIMViT,
    preprocessor: nn.Module,
    images: ImageFolder,
    cache: Path,
    checkpoint: str = '',
    **loading: Any,
) -> NamedFeatures:
    """Features of a folder, read from the cache if they are in it.

    The cache knows weights by the backbone's tensors, and images by name,
    size in bytes and time of change, so a changed file is encoded anew. The
    features stay in the file, of which the system reads what is used.

    Args:
        backbone (SiameseIMViT): on any device.
        preprocessor (nn.Module): the model's data preprocessor.
        images (ImageFolder): from ``labelled_folder``.
        cache (Path): folder of the cache files, made if needed.
        checkpoint (str): only for the name of the file. Defaults to ''.
        **loading: as for ``pooled_features``.
    """
    paths = [Path(file).relative_to(images.root) for file, _ in images.samples]
    files = [path.as_posix() for path in paths]
    precision = loading.get('precision', 'fp32')
    key = _key(backbone, preprocessor, images, precision)
    path = cache / f'{Path(checkpoint).stem or "untrained"}_{key}.pt'
    if path.is_file():
        tell(f'features of {images.root} are in {path}')
    else:
        found = pooled_features(
            backbone,
            preprocessor,
            images,
            pool=cls_and_mean_features,
            **loading,
        )
        write_complete(path, lambda part: torch.save(vars(found), part))
        del found  # 4 GB for ViT-B and ImageNet, of which the file has all
    stored = torch.load(path, weights_only=True, mmap=True)
    cls, mean = stored['features'].chunk(2, dim=1)
    return NamedFeatures(mean, stored['labels'], files, cls)


def _key(
    backbone: SiameseIMViT,
    preprocessor: nn.Module,
    images: ImageFolder,
    precision: str,
) -> str:
    """Short digest of all that the features depend on."""
    buffers = [buffer.tolist() for buffer in preprocessor.buffers()]
    block = backbone.layers[0]  # for what no tensor shows
    digest = hashlib.sha256(
        f'cls, mean {precision} {images.transform}{buffers}'
        f'{block.attn.num_heads} {block.ln1.eps}'.encode()
    )
    for name, tensor in backbone.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.cpu().contiguous().numpy().tobytes())
    for file, _ in images.samples:
        status = Path(file).stat()
        name = Path(file).relative_to(images.root)
        entry = [str(name), status.st_size, status.st_mtime_ns]
        digest.update(json.dumps(entry).encode())
    return digest.hexdigest()[:16]
