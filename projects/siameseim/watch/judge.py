"""When the signs of collapse deserve a warning."""

from dataclasses import dataclass

from .signs import FeatureSigns

Signs = dict[str, FeatureSigns]

_TRY = (
    'The loss cannot show this. Try a lower optim_wrapper.optimizer.lr, a '
    'longer warm-up, a larger base_momentum of MomentumTargetHook, or a '
    'larger batch; check model.head.neg_weight (0.02 in the paper) and that '
    'the projector has BatchNorm. docs/watching.md tells more'
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


def collapsed(now: Signs, untrained: Signs, limits: Limits) -> list[str]:
    """What passed a limit, in words; empty if nothing did.

    Args:
        now (Signs): signs of each branch.
        untrained (Signs): those of the same run's first iteration.
        limits (Limits): how far they may have moved.
    """
    found = []
    for branch, signs in now.items():
        first = untrained[branch]
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


class CollapseJudge:
    """Turns measurements into one warning an episode.

    An episode begins when ``patience`` measurements in a row pass a limit
    and ends with the first that passes none.

    Args:
        limits (Limits): see there.
        patience (int): measurements in a row. Defaults to 2.
        again (bool): repeat the warning at each further measurement of an
            episode. Defaults to False.

    Attributes:
        in_a_row (int): measurements up to the last that passed a limit.
    """

    def __init__(
        self, limits: Limits, patience: int = 2, again: bool = False
    ) -> None:
        self.limits = limits
        self.patience = patience
        self.again = again
        self.in_a_row = 0

    def warning(self, now: Signs, untrained: Signs) -> str | None:
        """The text of a warning if one is due now."""
        found = collapsed(now, untrained, self.limits)
        self.in_a_row = self.in_a_row + 1 if found else 0
        if self.in_a_row < self.patience:
            return None
        if self.in_a_row > self.patience and not self.again:
            return None
        return f'the network seems to collapse: {"; ".join(found)}. {_TRY}'
