"""Fixtures of the tests of reading files."""

import pytest

from siameseim.layouts import load_backbone


@pytest.fixture
def log(monkeypatch):
    """Lines that loading a file says."""
    lines = []
    for name in ('tell', 'warn'):
        monkeypatch.setattr(load_backbone, name, lines.append)
    return lines
