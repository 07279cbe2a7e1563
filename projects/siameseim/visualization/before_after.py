"""The same pairs of views matched by an untrained and a trained network."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..evaluation.held_out import RecognisedViews
from ..evaluation.matching import Matches
from .figures import RIGHT, WRONG, evenly_spaced, patch_centres, pixels_of

# Which pairs are shown, as places among all pairs sorted by how many of
# their patches the trained network matched: one good, one typical, one poor.
_PLACES = (0.75, 0.5, 0.25)
_SHOWN = 14  # matches of a pair
_GAP = 0.15  # between the views, as a share of their width


def draw_before_after(
    before: RecognisedViews, after: RecognisedViews
) -> Figure:
    """Draw three pairs of views, matches before training left, after right.

    The pairs are at the quartiles of what the trained network matched, not
    the best it did, among those whose views share at least half of view 1.
    """
    figure = Figure(figsize=(10, 8.1), dpi=100)
    axes = figure.subplots(len(_PLACES), 2)
    for (left, right), pair in zip(
        axes, typical_pairs(after.matches), strict=True
    ):
        _draw_pair(left, 'untrained', before, pair)
        _draw_pair(right, 'pretrained', after, pair)
    figure.suptitle(
        'Places in one view (left) and the patches found for them in the '
        'other (right).\nMuch is position alone: in docs/quickstart.md '
        "another image's view matched as often",
        fontsize=11,
    )
    figure.tight_layout()
    return figure


def typical_pairs(matches: Matches) -> list[int]:
    """Pairs at the quartiles of the share of correct matches, best first."""
    inside = matches.inside
    right = (matches.correct() & inside).sum(dim=1)
    shares = right / inside.sum(dim=1).clamp(min=1)
    overlap = inside.float().mean(dim=1)  # (B, L) -> (B,)
    enough = (overlap >= overlap.max().clamp(max=0.5)).nonzero()[:, 0]
    order = enough[shares[enough].argsort(stable=True)]
    return [int(order[round(p * (len(order) - 1))]) for p in _PLACES]


def _draw_pair(
    axis: Axes, name: str, recognised: RecognisedViews, pair: int
) -> None:
    """Both views side by side and some of their matches."""
    matches, views = recognised.matches, recognised.views[:, pair]
    inside, correct = matches.inside[pair], matches.correct()[pair]
    side = views.shape[-1]
    shift = side * (1 + _GAP)
    for left, view in zip((0, shift), views, strict=True):
        extent = (left, left + side, side, 0)
        axis.imshow(pixels_of(view), extent=extent, interpolation='none')
    shown = evenly_spaced(inside.nonzero()[:, 0], _SHOWN)
    columns = matches.grid[1]
    starts, ends = (
        patch_centres(indices[pair, shown], columns, side // columns)
        for indices in (recognised.queries, matches.found)
    )
    for start, end, right in zip(
        starts, ends + [shift, 0], correct[shown], strict=True
    ):
        axis.plot(
            *zip(start, end, strict=True),
            color=RIGHT if right else WRONG,
            linestyle='-' if right else '--',
            linewidth=1.6 if right else 1.0,
            marker='s',
            markersize=5,
            markeredgecolor='white',
        )
    found = int((correct & inside).sum())
    axis.set(xlim=(0, shift + side), ylim=(side, 0))
    axis.set_title(
        f'{name}: {found} of {int(inside.sum())} correct', fontsize=10
    )
    axis.axis('off')
