"""What an error says of a package that a file format needs."""

import sys

import pytest

from siameseim.launch.tool_errors import one_line_for
from siameseim.layouts.safe_load import load_file


def test_the_cure_ends_the_line(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'safetensors', None)
    path = tmp_path / 'a.safetensors'
    path.touch()
    with pytest.raises(SystemExit) as end, one_line_for():
        load_file(str(path))
    assert str(end.value) == (
        f'error: {path} needs the package safetensors: pip install safetensors'
    )
