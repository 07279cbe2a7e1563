"""What is said of a GPU that torch does not see, and of busy cores."""

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


@pytest.mark.parametrize(
    ('load', 'threads', 'cuda', 'told', 'said'),
    [
        (3.0, 4, False, None, True),
        (2.9, 4, False, None, False),  # below three of four cores
        (9.0, 1, False, None, False),
        (9.0, 4, True, None, False),
        (9.0, 4, False, 'OMP_WAIT_POLICY', False),
        (9.0, 4, False, 'OMP_NUM_THREADS', False),
    ],
)
def test_cores_that_do_other_work_are_told_of(
    monkeypatch, load, threads, cuda, told, said
):
    monkeypatch.setattr('os.getloadavg', lambda: (load, 0.0, 0.0))
    monkeypatch.setattr('os.cpu_count', lambda: 4)
    for name in ('OMP_WAIT_POLICY', 'OMP_NUM_THREADS'):
        monkeypatch.delenv(name, raising=False)
    if told:
        monkeypatch.setenv(told, 'PASSIVE')
    text = hardware.busy_cores(threads, cuda)
    assert (text is not None) == said
    assert not said or 'OMP_WAIT_POLICY=PASSIVE' in text
