"""Figures of a network whose features say nothing."""

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
