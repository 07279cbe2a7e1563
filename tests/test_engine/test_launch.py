"""Number of processes under each launcher."""

import pytest

from siameseim.engine import launch


def test_one_process_without_launcher():
    assert launch.world_size('none') == launch.local_world_size('none') == 1


@pytest.mark.parametrize(
    ('launcher', 'variables'),
    [
        ('pytorch', dict(RANK=3, LOCAL_RANK=1, WORLD_SIZE=4)),
        ('slurm', dict(SLURM_PROCID=3, SLURM_LOCALID=1, SLURM_NTASKS=4)),
        (
            'mpi',
            dict(
                OMPI_COMM_WORLD_RANK=3,
                OMPI_COMM_WORLD_LOCAL_RANK=1,
                OMPI_COMM_WORLD_SIZE=4,
            ),
        ),
    ],
)
def test_number_of_processes(monkeypatch, launcher, variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    assert launch.world_size(launcher) == 4


def test_processes_on_this_machine(monkeypatch):
    monkeypatch.setenv('LOCAL_WORLD_SIZE', '2')  # torchrun sets it
    assert launch.local_world_size('pytorch') == 2


def test_a_launcher_that_did_not_start_us_is_an_error(monkeypatch):
    monkeypatch.delenv('WORLD_SIZE', raising=False)
    with pytest.raises(ValueError, match='dist_train.sh'):
        launch.world_size('pytorch')
