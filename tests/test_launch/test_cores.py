"""Threads of several processes that share a machine."""

import os

import pytest
import torch

from siameseim.launch import cores


@pytest.mark.parametrize(
    ('variables', 'threads', 'told'),
    [
        ({}, [2], '2'),  # eight cores for four
        ({'SLURM_CPUS_PER_TASK': '6'}, [6], '6'),  # bound to its own
        ({'SLURM_CPUS_PER_TASK': ''}, [2], '2'),
        ({'OMP_NUM_THREADS': '3'}, [], '3'),  # torch has taken note of it
    ],
)
def test_processes_without_torchrun_share_the_cores(
    monkeypatch, variables, threads, told
):
    environment, chosen = dict(variables), []
    monkeypatch.setattr(os, 'environ', environment)
    monkeypatch.setattr(cores, 'usable_cores', lambda: 8)
    monkeypatch.setattr(torch, 'get_num_threads', lambda: 8)
    monkeypatch.setattr(torch, 'set_num_threads', chosen.append)
    cores.share_cores(4)
    assert chosen == threads
    assert environment['OMP_NUM_THREADS'] == told
    assert environment['MKL_NUM_THREADS'] == told


def test_more_cores_are_no_more_threads(monkeypatch):
    """PyTorch counts no hyper-threads."""
    chosen = []
    monkeypatch.setattr(os, 'environ', {})
    monkeypatch.setattr(cores, 'usable_cores', lambda: 16)
    monkeypatch.setattr(torch, 'get_num_threads', lambda: 8)
    monkeypatch.setattr(torch, 'set_num_threads', chosen.append)
    cores.share_cores(1)
    assert chosen == [8]


@pytest.mark.parametrize(
    ('given', 'processes', 'workers'),
    [(None, 4, 10), (None, 1, 16), (None, 99, 1), (0, 1, 0), (20, 4, 20)],
)
def test_a_tool_loads_with_a_worker_for_each_core(
    monkeypatch, given, processes, workers
):
    monkeypatch.setattr(os, 'environ', {})
    monkeypatch.setattr(cores, 'usable_cores', lambda: 40)
    assert cores.loading_workers(given, processes) == workers
