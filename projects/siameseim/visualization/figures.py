"""Grids of images as matplotlib figures, narrow enough for a phone."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.manifold import TSNE
from torch import Tensor

# Green and red that colour-blind readers tell apart; wrong ones are dashed.
RIGHT, WRONG = '#1a9850', '#e6550d'
_DPI = 110
_SIDE = 1.7  # inches of an image; four of them fill a phone's width
_PHONE = 343  # CSS pixels of a picture's width on a phone of 375


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of so many inches, drawn without a display."""
    return Figure(figsize=(width, height), dpi=_DPI, layout='constrained')


def legible(width: float) -> float:
    """Points of text that is 9 pixels high on a phone.

    Args:
        width (float): of its figure in inches.
    """
    return 9 * 72 * width / _PHONE


def show(axis: Axes, pixels: np.ndarray, title: str = '') -> None:
    """An image without axes."""
    axis.imshow(pixels)
    figure = axis.figure
    assert isinstance(figure, Figure)
    size = legible(figure.get_figwidth())
    axis.set_title(title, fontsize=max(10, size))
    axis.axis('off')


def pixels_of(image: Tensor) -> np.ndarray:
    """(3, H, W) uint8 -> (H, W, 3) array."""
    return image.permute(1, 2, 0).cpu().numpy()


def patch_centres(indices: Tensor, columns: int, patch: float) -> np.ndarray:
    """(Q, 2) pixel coordinates (x, y) of the centres of patches.

    Args:
        indices (Tensor): (Q,) patches, row by row.
        columns (int): patches per row.
        patch (float): side of a patch in pixels.
    """
    places = torch.stack([indices % columns, indices // columns], dim=1)
    return (places.numpy() + 0.5) * patch


def evenly_spaced(candidates: Tensor, count: int) -> Tensor:
    """Pick up to ``count`` of a list of indices, evenly over the list.

    Args:
        candidates (Tensor): (N,) indices.
        count (int): how many to pick.

    Returns:
        Tensor: (min(N, count),) of them, in order.
    """
    if len(candidates) <= count:
        return candidates
    steps = torch.linspace(0, len(candidates) - 1, count).round().long()
    return candidates[steps]


def draw_dense(images: Tensor, attention: Tensor, colours: Tensor) -> Figure:
    """Each image beside its attention and the colours of its patches.

    Args:
        images (Tensor): (N, 3, S, S) uint8 RGB.
        attention (Tensor): (N, H, W) from ``attention_maps``.
        colours (Tensor): (N, H, W, 3) from ``pca_colours``.
    """
    figure = new_figure(3 * _SIDE, len(images) * _SIDE + 0.3)
    axes = figure.subplots(len(images), 3, squeeze=False)
    titles = ['image', 'attention', 'patch features']
    for row, (image, weights, rgb) in enumerate(
        zip(images, attention, colours, strict=True)
    ):
        side = image.shape[-2:]
        extent = (0, side[1], side[0], 0)
        names = titles if row == 0 else ['', '', '']
        show(axes[row, 0], pixels_of(image), names[0])
        show(axes[row, 1], pixels_of(image) // 3, names[1])
        axes[row, 1].imshow(
            weights.numpy(), cmap='magma', alpha=0.75, extent=extent
        )
        show(axes[row, 2], rgb.numpy(), names[2])
    return figure


def draw_neighbours(
    images: Tensor, queries: Tensor, neighbours: Tensor
) -> Figure:
    """Each query image and the images most like it.

    Args:
        images (Tensor): (N, 3, S, S) uint8 RGB.
        queries (Tensor): (Q,) indices.
        neighbours (Tensor): (Q, K) indices from ``nearest_images``.
    """
    columns = neighbours.shape[1] + 1
    figure = new_figure(
        columns * _SIDE * 0.9, len(queries) * _SIDE * 0.9 + 0.3
    )
    axes = figure.subplots(len(queries), columns, squeeze=False)
    for row, (query, found) in enumerate(
        zip(queries.tolist(), neighbours.tolist(), strict=True)
    ):
        for column, index in enumerate([query, *found]):
            title = ''
            if row == 0:
                title = 'image' if column == 0 else f'nearest {column}'
            show(axes[row, column], pixels_of(images[index]), title)
    return figure


def draw_tsne(images: Tensor, features: Tensor) -> Figure:
    """t-SNE of image features, each point drawn as its image.

    Args:
        images (Tensor): (N, 3, S, S) uint8 RGB, N >= 4.
        features (Tensor): (N, C) features.
    """
    perplexity = min(30.0, (len(images) - 1) / 3)
    # Main directions as a start would divide equal features by zero.
    places = TSNE(
        perplexity=perplexity, init='random', random_state=0
    ).fit_transform(features.numpy())
    # The map is stretched to a square: its own axes have no meaning.
    spans = np.ptp(places, axis=0).clip(min=1e-9)
    places = (places - places.min(axis=0)) / spans
    size = min(0.16, 0.75 / len(images) ** 0.5)
    figure = new_figure(6, 6)
    axis = figure.subplots()
    for image, (x, y) in zip(images, places, strict=True):
        extent = (x - size / 2, x + size / 2, y - size / 2, y + size / 2)
        axis.imshow(pixels_of(image), extent=extent)
    limits = (-size / 2, 1 + size / 2)
    axis.set(xlim=limits, ylim=limits, aspect='equal')
    axis.axis('off')
    return figure


def draw_log(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], title: str
) -> Figure:
    """Curves by name: iterations, which they need not share, and values."""
    figure = new_figure(6, 3.4)
    size = legible(6)
    axis = figure.subplots()
    style = '-'
    for name, (steps, values) in curves.items():
        marker = 'o' if len(steps) < 20 else ''
        axis.plot(steps, values, style, label=name, marker=marker, ms=4)
        style = '--'  # leaves the first, as the whole loss, to be seen
    axis.set_xlabel('iteration', fontsize=size)
    axis.set_title(title, fontsize=size)
    axis.tick_params(labelsize=size)
    axis.grid(alpha=0.3)
    axis.legend(fontsize=size)
    return figure
