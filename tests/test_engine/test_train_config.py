"""Fitting a config to the machine."""

from pathlib import Path

import pytest
from mmengine.config import Config, ConfigDict

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


def test_a_pipeline_set_in_its_place_is_that_of_the_run(tmp_path):
    """Also in the config that a run with other options dumped."""
    base = Path(__file__).parents[2] / 'configs/siameseim_smoke.py'
    place = "train_dataloader = dict(dataset=dict(pipeline=[dict(type='A')]))"
    own, dumped = tmp_path / 'own.py', tmp_path / 'dumped.py'
    own.write_text(f'_base_ = [{str(base)!r}]\n{place}\n')
    Config.fromfile(own).dump(dumped)
    for file in (own, dumped):
        cfg = Config.fromfile(file)
        assert cfg.train_pipeline != cfg.train_dataloader.dataset.pipeline
        train_config.check_pipeline(cfg)
