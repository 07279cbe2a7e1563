"""Signs of collapse in features alone, and when they deserve a warning.

Shape legend: N images, L patches, C width.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError

# The eigenvalues of more would cost much and change little.
_IMAGES, _PATCH_IMAGES = 256, 8


class FeatureSigns(NamedTuple):
    """What the features of one branch look like.

    Attributes:
        std (float): standard deviation of normalised image features over
            images, in units of 1 / sqrt(C); 1 where they point everywhere,
            0 where all images have one feature.
        cosine (float): mean cosine of features of different images.
        rank (float): effective rank of the image features, 1 to min(N, C).
        patch_rank (float): mean effective rank of the patches of an image,
            1 to min(L, C); 1 where all patches of an image have one feature.
    """

    std: float
    cosine: float
    rank: float
    patch_rank: float


Signs = dict[str, FeatureSigns]  # by branch


def normalised_std(features: Tensor) -> Tensor:
    """Spread of the directions of features, as SimSiam watches it.

    The standard deviation over N of each dimension of the L2-normalised
    features, averaged over dimensions, times sqrt(C)
    (https://arxiv.org/abs/2011.10566, section 4.1: 1 / sqrt(C) without
    collapse, 0 with it).

    Args:
        features (Tensor): (N, C), N >= 2.

    Returns:
        Tensor: scalar in [0, 1] but for the correction of small N.
    """
    directions = F.normalize(features.float(), dim=-1)
    return directions.std(dim=0).mean() * features.shape[-1] ** 0.5


def mean_cosine(features: Tensor) -> Tensor:
    """Mean cosine over all pairs of different rows, without the N x N matrix.

    Args:
        features (Tensor): (N, C), N >= 2.

    Returns:
        Tensor: scalar in [-1 / (N - 1), 1].
    """
    directions = F.normalize(features.float(), dim=-1)
    count = len(features)
    # |sum d|^2 = sum over all pairs; the N pairs of a row with itself give 1
    own = directions.square().sum()
    return (directions.sum(dim=0).square().sum() - own) / (count**2 - count)


def effective_rank(features: Tensor) -> Tensor:
    """RankMe: exponential of the entropy of the singular values.

    ``p_k = s_k / sum(s) + 1e-7``, ``exp(-sum p_k log p_k)`` as in Garrido et
    al. 2023, https://arxiv.org/abs/2210.02885. The features are not centred:
    a part that all images share lowers the rank, as it should here.

    Args:
        features (Tensor): (..., N, C), one matrix or several.

    Returns:
        Tensor: (...) float32, from 1 to min(N, C).
    """
    # Eigenvalues of the smaller product, in float64, as squares lose half of
    # the digits: for most shapes faster than singular values.
    on_apple = features.device.type == 'mps'  # which has no float64
    rows = (features.cpu() if on_apple else features).double()
    wide = rows.shape[-2] <= rows.shape[-1]
    gram = rows @ rows.mT if wide else rows.mT @ rows
    values = torch.linalg.eigvalsh(gram).clamp(min=0).sqrt()
    total = values.sum(dim=-1, keepdim=True).clamp(min=1e-30)
    shares = values / total + 1e-7  # keeps the logarithm finite
    ranks = torch.exp(-(shares * shares.log()).sum(dim=-1)).float()
    return ranks.to(features.device)


def feature_signs(tokens: Tensor) -> Tensor:
    """All signs of one branch, on the device the tokens are on.

    Args:
        tokens (Tensor): (N, L, C) patch tokens of at least two images; the
            first 256 are looked at, and the patches of the first 8.

    Returns:
        Tensor: (4,) in the order of ``FeatureSigns``.

    Raises:
        InputError: if there is only one image.
    """
    if len(tokens) < 2:
        raise InputError(
            'signs of collapse compare images, but the batch holds '
            f'{len(tokens)}: raise train_dataloader.batch_size, or leave '
            'them out (default_hooks.features.interval=0)'
        )
    with torch.autocast(tokens.device.type, enabled=False):
        tokens = tokens[:_IMAGES].float()
        images = tokens.mean(dim=1)  # (N, L, C) -> (N, C)
        return torch.stack(
            [
                normalised_std(images),
                mean_cosine(images),
                effective_rank(images),
                effective_rank(tokens[:_PATCH_IMAGES]).mean(),
            ]
        )


@dataclass(frozen=True)
class Limits:
    """How far signs may fall against the untrained network.

    Attributes:
        std (float): smallest share of the untrained spread of directions.
        rank (float): smallest share of the untrained effective rank, where 1
            counts as nothing: (rank - 1) / (untrained rank - 1).
        patch_rank (float): likewise for the patches of an image.
        cosine (float): largest share of the way from the untrained mean
            cosine to 1.
    """

    std: float = 0.1
    rank: float = 0.1
    patch_rank: float = 0.05
    cosine: float = 0.99


def collapsed(
    now: Signs, untrained: Mapping[str, Sequence[float]], limits: Limits
) -> list[str]:
    """What passed a limit, in words; empty if nothing did.

    Args:
        now (Signs): signs of each branch.
        untrained (Mapping): values of those of the same run's first
            iteration, in order.
        limits (Limits): how far they may have moved.
    """
    found = []
    for branch, signs in now.items():
        first = FeatureSigns(*untrained[branch])
        if signs.std < limits.std * first.std:
            found.append(
                f'{branch} features of all images point the same way: spread '
                f'{signs.std:.2g}, untrained {first.std:.2g}'
            )
        if signs.cosine > first.cosine + limits.cosine * (1 - first.cosine):
            found.append(
                f'{branch} features of different images have a mean cosine of '
                f'{signs.cosine:.4f}, untrained {first.cosine:.4f}'
            )
        for name in ('rank', 'patch_rank'):
            rank, before = getattr(signs, name), getattr(first, name)
            if rank - 1 < getattr(limits, name) * (before - 1):
                of = 'patches of an image' if name != 'rank' else 'images'
                found.append(
                    f'{branch} features of {of} have an effective rank of '
                    f'{rank:.1f}, untrained {before:.1f}'
                )
    return found
