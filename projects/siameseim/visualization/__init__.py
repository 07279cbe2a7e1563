"""Pictures of what was learned."""

from .before_after import draw_before_after

__all__ = ['draw_before_after']
