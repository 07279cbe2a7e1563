"""How the process of a tool begins and ends."""

import atexit
import gc

import pytest

from siameseim.launch.options import command_line


def test_the_end_of_a_tool_looks_for_no_cycles(monkeypatch):
    at_exit = []
    monkeypatch.setattr(atexit, 'register', at_exit.append)
    command_line('Do something.')
    assert at_exit == [gc.freeze]


@pytest.mark.parametrize(
    ('limits', 'soft'),
    [
        ((1024, 4096), 4096),
        ((1024, 10**6), 65536),
        ((1024, -1), 65536),  # a negative number is no limit
        ((10**6, 10**6), None),
        ((-1, -1), None),
    ],
)
def test_a_tool_may_open_more_files(monkeypatch, limits, soft):
    resource = pytest.importorskip('resource')
    asked = []
    monkeypatch.setattr(resource, 'getrlimit', lambda _: limits)
    monkeypatch.setattr(
        resource, 'setrlimit', lambda _, new: asked.append(new)
    )
    command_line('Do something.')
    assert asked == ([] if soft is None else [(soft, limits[1])])
