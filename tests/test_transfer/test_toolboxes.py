"""Which toolboxes are used."""

import sys

import pytest

from siameseim.transfer.toolboxes import importable


@pytest.mark.parametrize('missing', ['mmdet', 'mmcv.ops'])
def test_a_toolbox_needs_itself_and_compiled_operators(missing, monkeypatch):
    """With mmcv-lite beside mmdet, pretraining goes on without mmdet."""
    pytest.importorskip('mmcv.ops', exc_type=ImportError)
    pytest.importorskip('mmdet')
    assert importable('mmdet')
    monkeypatch.setitem(sys.modules, missing, None)
    assert not importable('mmdet')
