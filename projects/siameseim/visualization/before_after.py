"""The same pairs of views matched by an untrained and a trained network."""

from pathlib import Path

from torch import Tensor

from ..evaluation import MatchedViews
from .matches import MatchPanel, draw_matches, spread

# Which pairs are shown, as places among all pairs sorted by how many of
# their patches the trained network matched: one good, one typical, one poor.
_PLACES = (0.75, 0.5, 0.25)


def draw_before_after(
    before: MatchedViews, after: MatchedViews, path: str | Path
) -> int:
    """Draw three pairs of views, matches before training left, after right.

    The pairs are at the quartiles of what the trained network matched, not
    the best it did, among those whose views share at least half of view 1.

    Args:
        before (MatchedViews): matches of the untrained network.
        after (MatchedViews): matches of the trained one, for the same views.
        path (str | Path): where the PNG of 1000 x 810 pixels goes.

    Returns:
        int: number of matches drawn.
    """
    rows = [
        [
            _panel('untrained', before, pair),
            _panel('pretrained', after, pair),
        ]
        for pair in typical_pairs(after)
    ]
    heading = (
        'Places in one view (left) and the patches found for them in the '
        'other (right)'
    )
    return draw_matches(rows, path, heading)


def typical_pairs(matched: MatchedViews) -> list[int]:
    """Pairs at the quartiles of the share of correct matches, best first."""
    shares = _shares(matched)
    overlap = matched.inside.float().mean(dim=1)  # (B, L) -> (B,)
    enough = (overlap >= overlap.max().clamp(max=0.5)).nonzero()[:, 0]
    order = enough[shares[enough].argsort(stable=True)]
    return [int(order[round(p * (len(order) - 1))]) for p in _PLACES]


def _shares(matched: MatchedViews) -> Tensor:
    """(B,) share of each pair's patches inside view 2 that matched."""
    right = (matched.correct & matched.inside).sum(dim=1)
    return right / matched.inside.sum(dim=1).clamp(min=1)


def _panel(name: str, matched: MatchedViews, pair: int) -> MatchPanel:
    """Some of a pair's matches, and how many of all were correct."""
    inside = matched.inside[pair]
    correct = matched.correct[pair] & inside
    shown = spread(inside.nonzero()[:, 0], 14)
    side = matched.views.shape[-1]
    columns = round(len(inside) ** 0.5)
    return MatchPanel(
        title=f'{name}: {int(correct.sum())} of {int(inside.sum())} correct',
        views=(matched.views[0, pair], matched.views[1, pair]),
        patch_size=side // columns,
        queries=matched.queries[pair, shown],
        matches=matched.matches[pair, shown],
        correct=matched.correct[pair, shown],
    )
