"""What is said of a GPU that torch does not see."""

import sys

import pytest

from siameseim.environment import hardware


@pytest.mark.parametrize(
    ('driver', 'available', 'visible', 'said'),
    [
        (True, False, None, True),
        (True, False, '0', True),
        (True, True, None, False),
        (False, False, None, False),
        (True, False, '', False),  # hidden on purpose
        (True, False, '-1', False),
    ],
)
def test_a_gpu_that_is_not_used_is_told_of(
    monkeypatch, driver, available, visible, said
):
    monkeypatch.setattr(hardware, 'has_nvidia_driver', lambda: driver)
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES', raising=False)
    if visible is not None:
        monkeypatch.setenv('CUDA_VISIBLE_DEVICES', visible)
    text = hardware.unused_gpu(available)
    assert (text is not None) == said


def test_memory_that_windows_does_not_tell_of_is_none(monkeypatch):
    monkeypatch.setitem(sys.modules, 'resource', None)
    assert hardware.peak_host_memory() == 0
