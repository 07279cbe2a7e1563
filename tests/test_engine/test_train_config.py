"""Fitting a config to the machine."""

import pytest
from mmengine.config import ConfigDict

from siameseim.engine import train_config

OMPI = 'OMPI_COMM_WORLD_LOCAL_SIZE'


@pytest.mark.parametrize(
    ('cores', 'variables', 'workers'),
    [
        (64, {}, 8),
        (8, {}, 1),  # shared
        (8, {'SLURM_CPUS_PER_TASK': 8}, 8),  # bound: nobody shares them
        (8, {'SLURM_CPUS_PER_TASK': 7}, 7),  # bound to whole cores
        (64, {'SLURM_CPUS_PER_TASK': 8}, 8),  # not bound
        # one task, in which torchrun or mpirun started all eight
        (64, {'SLURM_CPUS_PER_TASK': 64, 'LOCAL_WORLD_SIZE': 8}, 8),
        (64, {'SLURM_CPUS_PER_TASK': 64, OMPI: 8}, 8),
    ],
)
def test_loader_workers_of_eight_processes(
    monkeypatch, cores, variables, workers
):
    monkeypatch.setattr(train_config, 'usable_cores', lambda: cores)
    for name in ('SLURM_CPUS_PER_TASK', 'LOCAL_WORLD_SIZE', OMPI):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    loader = ConfigDict(num_workers=16)
    train_config.fit_loader(loader, processes=8)
    assert loader.num_workers == workers
