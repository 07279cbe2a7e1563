"""Fixtures of the segmentation tests."""

from tests.transfer_fixtures import fresh_visualizer, weights  # noqa: F401
