"""Frozen features of a backbone, and the forms evaluations compare them in.

Shape legend: N images, L patches, C width.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from ..errors import InputError
from ..models import SiameseIMViT

_BATCH = 128  # images encoded at a time


def short_side(size: tuple[int, int]) -> int:
    """Pixels to resize an image's short side to before the centre is cut out.

    Args:
        size (tuple[int, int]): height and width of the view in pixels.
    """
    return round(max(size) * 256 / 224)


def central_view(size: tuple[int, int]) -> list[nn.Module]:
    """Transforms of an image to the view that evaluations encode.

    The image is resized to ``short_side``, bilinear with smoothing as in
    MSN's evaluation, then the centre is cut out.

    Args:
        size (tuple[int, int]): height and width of the view in pixels.
    """
    return [v2.Resize(short_side(size), antialias=True), v2.CenterCrop(size)]


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """In eval mode, eager and without gradients; afterwards as before.

    No BatchNorm buffer changes. Eager, as a run whose blocks are compiled
    would compile them again for each new shape. Every module gets its own
    flag back, where ``train()`` would set its children's.
    """
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.no_grad(), torch.compiler.set_stance('force_eager'):
            yield
    finally:
        for module, training in modes.items():
            module.training = training


def check_finite(features: Tensor) -> None:
    """Refuse features of which no measure can be trusted.

    Raises:
        InputError: if some are NaN or infinite.
    """
    if not features.isfinite().all():
        raise InputError(
            'some features are NaN or infinite, and nothing can be measured '
            'of them: check the weights, and whether a half precision in '
            'which features are kept can hold them'
        )


def patch_features(backbone: SiameseIMViT, images: Tensor) -> Tensor:
    """Patch tokens of the last block, cls left out, while ``evaluating``.

    Args:
        backbone (SiameseIMViT): on any device.
        images (Tensor): (N, 3, height, width) normalised images; each batch
            is moved to the backbone's device.

    Returns:
        Tensor: (N, L, C) float32 on the CPU.

    Raises:
        ValueError: for a ViTDet, which has no pooled features.
    """
    cls = backbone.num_extra_tokens
    return _encoded(backbone, images, lambda x: x[:, cls:])


def mean_features(backbone: SiameseIMViT, images: Tensor) -> Tensor:
    """Mean patch token, as the method's linear probe pools them.

    Averaged where the backbone is. Images are as for ``patch_features``.

    Returns:
        Tensor: (N, C) float32 on the CPU.
    """
    cls = backbone.num_extra_tokens
    return _encoded(backbone, images, lambda x: x[:, cls:].mean(dim=1))


def cls_and_mean_features(backbone: SiameseIMViT, images: Tensor) -> Tensor:
    """Cls token and mean patch token of the last block, side by side.

    As ``patch_features``; without a cls token the mean stands in its place.

    Returns:
        Tensor: (N, 2 C) float32 on the CPU.
    """
    cls = backbone.num_extra_tokens

    def both(tokens: Tensor) -> Tensor:
        mean = tokens[:, cls:].mean(dim=1)
        return torch.cat([tokens[:, 0] if cls else mean, mean], dim=1)

    return _encoded(backbone, images, both)


def _encoded(
    backbone: SiameseIMViT,
    images: Tensor,
    reduce: Callable[[Tensor], Tensor],
) -> Tensor:
    """What ``reduce`` makes of all tokens, (B, 1 + L, C), of each batch."""
    if any(name.endswith('rel_pos_h') for name in backbone.state_dict()):
        raise ValueError(
            'this backbone is a ViTDet, whose windows are made for maps: '
            'features of an image need a plain ViT'
        )
    device = next(backbone.parameters()).device
    batches = []
    with evaluating(backbone):
        for batch in images.split(_BATCH):
            tokens = backbone.encode(batch.to(device)).float()
            batches.append(reduce(tokens).cpu())
    return torch.cat(batches)
