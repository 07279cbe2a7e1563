"""Fixtures of the tests of reading files."""

import pytest

from siameseim.convert import load_backbone


@pytest.fixture
def log(monkeypatch):
    """Lines that loading a file says."""
    lines = []
    monkeypatch.setattr(
        load_backbone, 'print_log', lambda line, **kwargs: lines.append(line)
    )
    return lines
