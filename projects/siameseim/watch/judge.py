"""When the signs of collapse deserve a warning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .signs import FeatureSigns

Signs = dict[str, FeatureSigns]


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
