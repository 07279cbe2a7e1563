"""What figures share, and one of features that say nothing."""

import numpy as np
import torch
from sklearn.manifold import TSNE

from siameseim.visualization import figures


def test_equal_features_have_a_map(monkeypatch):
    """A start from their main directions, 0 / 0, would end the process."""

    def tsne(**settings):
        assert settings['init'] == 'random'
        return TSNE(**settings)

    monkeypatch.setattr(figures, 'TSNE', tsne)
    pixels = torch.zeros(12, 3, 8, 8, dtype=torch.uint8)
    maps = [figures.draw_tsne(pixels, torch.zeros(12, 16)) for _ in range(2)]
    places, again = (
        [image.get_extent() for image in figure.axes[0].images]
        for figure in maps
    )
    assert len(places) == 12 and np.isfinite(places).all()
    assert places == again


def test_places_are_picked_evenly_with_both_ends():
    candidates = torch.arange(10, 21)
    picked = figures.evenly_spaced(candidates, 3)
    assert picked.tolist() == [10, 15, 20]
    assert figures.evenly_spaced(candidates, 50).equal(candidates)


def test_patches_have_their_centres_in_pixels():
    """Rows of 3 patches of 8 pixels: the fifth is the second of row two."""
    centres = figures.patch_centres(torch.tensor([0, 4]), 3, 8)
    assert centres.tolist() == [[4, 4], [12, 12]]


def test_a_curve_on_another_leaves_it_to_be_seen():
    """A loss whose other term is small lies under its larger one."""
    curve = ([1, 2], [3.0, 4.0])
    figure = figures.draw_log({'loss': curve, 'loss_pos': curve}, 'Loss')
    styles = [line.get_linestyle() for line in figure.axes[0].lines]
    assert styles == ['-', '--']
