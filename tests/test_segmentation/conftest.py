"""Fixtures of the segmentation tests."""

import pytest

from tests.transfer_fixtures import forget_visualizers, pretrained_tiny


@pytest.fixture(scope='session')
def weights(tmp_path_factory):
    """File with the weights of a ViT-T/16."""
    return pretrained_tiny(tmp_path_factory.mktemp('weights'))


@pytest.fixture(autouse=True)
def _fresh_visualizer():
    forget_visualizers()
