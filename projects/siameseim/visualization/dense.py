"""Attention and patch features of images, as pictures.

Shape legend: N images, L = H * W patches, C width, M heads.
"""

from typing import Any

import torch
from sklearn.decomposition import PCA
from torch import Tensor

from ..models import SiameseIMViT


@torch.no_grad()
def attention_maps(backbone: SiameseIMViT, images: Tensor) -> Tensor:
    """How much the cls token of the last block looks at each patch.

    Args:
        backbone (SiameseIMViT): in eval mode, with a cls token.
        images (Tensor): (N, 3, height, width) normalised, on its device; of
            any size, as for the backbone.

    Returns:
        Tensor: (N, H, W) float32, mean over the heads; with what the cls
        token gives itself an image sums to 1.
    """
    last = backbone.layers[-1]
    kept: list[Any] = []  # patches and their grid; queries, keys and values
    handles = [
        part.register_forward_hook(lambda _, __, output: kept.append(output))
        for part in (backbone.patch_embed, last.attn.qkv)
    ]
    try:
        backbone.encode(images)
    finally:
        for handle in handles:
            handle.remove()
    (_, grid), qkv = kept
    qkv = qkv.float()  # (N, 1 + L, 3 C)
    heads = last.attn.num_heads
    query, key, _ = qkv.unflatten(-1, (3, heads, -1)).unbind(2)
    scores = torch.einsum('nmd,nlmd->nml', query[:, 0], key)
    shares = (scores * query.shape[-1] ** -0.5).softmax(dim=-1)
    patches = shares[:, :, 1:].mean(dim=1)  # (N, M, 1 + L) -> (N, L)
    return patches.unflatten(1, grid).cpu()


def pca_colours(tokens: Tensor, grid: tuple[int, int]) -> Tensor:
    """The three main directions of patch features as red, green and blue.

    The directions are those of all images together, so equal colours mean
    similar features across images too.

    Args:
        tokens (Tensor): (N, L, C) patch features, on the CPU.
        grid (tuple[int, int]): patches per column and per row (H, W).

    Returns:
        Tensor: (N, H, W, 3) float32 in [0, 1]; each channel runs from its
        2nd to its 98th percentile.
    """
    rows = tokens.flatten(0, 1).double().numpy()
    values = PCA(3, svd_solver='full').fit_transform(rows)  # (N * L, 3)
    values = torch.from_numpy(values)
    ends = torch.tensor([0.02, 0.98], dtype=values.dtype)
    low, high = values.quantile(ends, dim=0)
    colours = (values - low) / (high - low).clamp(min=1e-12)
    colours = colours.clamp(0, 1).float()
    return colours.view(len(tokens), *grid, 3)


def nearest_images(features: Tensor, queries: Tensor, count: int) -> Tensor:
    """The most similar other images by cosine of centred features.

    Args:
        features (Tensor): (N, C) image features.
        queries (Tensor): (Q,) indices of the images asked for.
        count (int): neighbours of each, at most N - 1.

    Returns:
        Tensor: (Q, count) indices, the nearest first, never the image itself.
    """
    centred = features - features.mean(dim=0)
    directions = torch.nn.functional.normalize(centred, dim=-1)
    cosines = directions[queries] @ directions.T
    cosines[torch.arange(len(queries)), queries] = -torch.inf
    return cosines.topk(min(count, len(features) - 1), dim=1).indices
