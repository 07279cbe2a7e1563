"""Pictures of what was learned."""

from .before_after import draw_before_after
from .dense import attention_maps, nearest_images, pca_colours
from .figures import draw_dense, draw_neighbours, draw_tsne

__all__ = [
    'attention_maps',
    'draw_before_after',
    'draw_dense',
    'draw_neighbours',
    'draw_tsne',
    'nearest_images',
    'pca_colours',
]
