"""Memory that a training on a CPU keeps from step to step."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from torch import nn

from siameseim.engine import host_memory
from siameseim.engine.host_memory import KeepMemoryHook, keep_freed_memory


@pytest.fixture(autouse=True)
def free_to_tell(monkeypatch):
    """Whatever the person who runs the tests has set; gives memory back."""
    monkeypatch.delenv('GLIBC_TUNABLES', raising=False)
    for name in [name for name in os.environ if name.startswith('MALLOC_')]:
        monkeypatch.delenv(name)
    if not keep_freed_memory():
        pytest.skip('this C library cannot be told')
    yield
    monkeypatch.undo()
    keep_freed_memory(False)


MEASURED = """
import resource
import torch
from siameseim.engine.host_memory import keep_freed_memory

def new_pages():  # that the kernel gives to 256 MiB once they are written
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.empty(2**26).fill_(1)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def held():
    with open('/proc/self/statm') as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() >> 20

# Small tensors may come to lie between, and then a large one does not fit:
# the best of ten.
by_default = min(new_pages() for _ in range(10))
keep_freed_memory()
kept = min(new_pages() for _ in range(10))
before = held()
keep_freed_memory(False)
print(by_default, kept, before - held())
"""


def test_kept_memory_is_there_for_the_next_tensor():
    """In a process of its own, whose heap no test has used."""
    words = subprocess.check_output([sys.executable, '-c', MEASURED]).split()
    by_default, kept, given_back = map(int, words[-3:])
    # 65,536 of 4 KiB, or 128 of 2 MiB, when new
    assert kept < 64 < 128 <= by_default
    assert given_back >= 250  # MiB


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('MALLOC_TRIM_THRESHOLD_', '1000'),
        ('GLIBC_TUNABLES', 'glibc.malloc.mmap_threshold=1000'),
    ],
)
def test_settings_of_the_environment_stand(monkeypatch, name, value):
    monkeypatch.setenv('MALLOC_ARENA_MAX', '2')  # says nothing of this
    assert keep_freed_memory()
    monkeypatch.setenv(name, value)
    assert not keep_freed_memory()


@pytest.fixture
def told(monkeypatch):
    """What the C library is told."""
    calls = []
    monkeypatch.setattr(
        host_memory,
        'keep_freed_memory',
        lambda keep=True: calls.append(keep) or True,
    )
    return calls


@pytest.mark.parametrize(
    ('enabled', 'expected'), [(True, [True, False]), (False, [])]
)
def test_a_run_on_a_cpu_keeps_it_until_its_end(
    toy_run, told, enabled, expected
):
    toy_run(hooks=[dict(type='KeepMemoryHook', enabled=enabled)])
    assert told == expected


def test_a_run_that_fails_gives_it_back(toy_run, told):
    hooks = [dict(type='KeepMemoryHook'), dict(type='Fail')]
    with pytest.raises(ArithmeticError):
        toy_run(hooks=hooks)
    assert told == [True, False]


def test_a_model_on_another_device_leaves_it_alone(told):
    runner = SimpleNamespace(model=nn.Linear(2, 2, device='meta'))
    hook = KeepMemoryHook()
    hook.before_train(runner)
    assert told == []
