"""Pictures of what was learned, as PNG files."""

from .before_after import draw_before_after
from .matches import MatchPanel, draw_matches, spread

__all__ = [
    'MatchPanel',
    'draw_before_after',
    'draw_matches',
    'spread',
]
