"""Number of processes under each launcher, and where they meet."""

import os
import socket

import pytest
import torch
import torch.distributed as dist

from siameseim.errors import InputError
from siameseim.launch import distributed
from tests.transfer_fixtures import tool

TORCHRUN = dict(TORCHELASTIC_RUN_ID='x', RANK=0, LOCAL_RANK=0, WORLD_SIZE=2)
SRUN = dict(SLURM_STEP_ID=0, SLURM_STEP_NUM_TASKS=2, SLURM_NTASKS=2)
MPIRUN = {
    f'OMPI_COMM_WORLD_{name}': value
    for name, value in dict(RANK=0, LOCAL_RANK=0, SIZE=2).items()
}
TASK = dict(SLURM_PROCID=0, SLURM_LOCALID=0, SLURM_NTASKS=2)


@pytest.fixture
def given(monkeypatch):
    """Sets the variables of a launcher; nothing else is left of any."""
    started = ('SLURM_', 'OMPI_', 'TORCHELASTIC_', 'MASTER_')
    names = ('RANK', 'LOCAL_RANK', 'WORLD_SIZE', 'LOCAL_WORLD_SIZE')
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in names and not name.startswith(started)
    }
    kept['OMP_NUM_THREADS'] = '1'  # the tests' own are left as they are
    monkeypatch.setattr(os, 'environ', kept)
    return lambda **variables: kept.update(
        {name: str(value) for name, value in variables.items()}
    )


@pytest.fixture
def no_group(monkeypatch):
    """Processes that would start a gloo group, but do not wait for it."""
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(dist, 'init_process_group', lambda backend: None)


@pytest.fixture
def scontrol(given, tmp_path):
    """Makes a command of that name, first in the PATH."""

    def make(text):
        file = tmp_path / 'scontrol'
        file.write_text(f'#!/bin/sh\n{text}\n')
        file.chmod(0o755)
        given(PATH=f'{tmp_path}{os.pathsep}{os.environ["PATH"]}')

    return make


@pytest.mark.parametrize(
    ('launcher', 'variables', 'processes', 'here'),
    [
        ('none', {}, 1, 1),
        ('pytorch', TORCHRUN, 2, 2),
        ('pytorch', dict(TORCHRUN, LOCAL_WORLD_SIZE=1), 2, 1),
        ('slurm', TASK, 2, 2),
        ('mpi', MPIRUN, 2, 2),
        ('mpi', dict(MPIRUN, OMPI_COMM_WORLD_LOCAL_SIZE=1), 2, 1),
    ],
)
def test_number_of_processes(given, launcher, variables, processes, here):
    given(**variables)
    assert distributed.world_size(launcher) == processes
    assert distributed.local_world_size(launcher) == here


def test_a_launcher_that_did_not_start_us_is_an_error(given):
    with pytest.raises(ValueError, match='dist_train.sh'):
        distributed.world_size('pytorch')


@pytest.mark.parametrize('rank', [2, -1])
def test_a_rank_that_no_process_has_is_refused(given, no_group, rank):
    given(**dict(TORCHRUN, RANK=rank))
    with pytest.raises(InputError, match=f'RANK={rank} is no rank of WORLD_'):
        distributed.init_cpu_group('pytorch')


@pytest.mark.parametrize('name', ['WORLD_SIZE', 'RANK', 'LOCAL_WORLD_SIZE'])
def test_a_variable_that_is_no_number_is_named(given, name):
    given(**{**TORCHRUN, name: 'two'})
    with pytest.raises(InputError, match=f"{name}='two' must be a whole"):
        distributed.local_world_size('pytorch')


@pytest.mark.parametrize('empty', ['', ' '])
def test_what_is_empty_counts_as_not_set(given, empty):
    given(**dict(TORCHRUN, LOCAL_WORLD_SIZE=empty))
    assert distributed.local_world_size('pytorch') == 2
    given(WORLD_SIZE=empty)
    distributed.check_launcher('none')  # which may be one process
    with pytest.raises(ValueError, match='variables WORLD_SIZE: start'):
        distributed.world_size('pytorch')


@pytest.mark.parametrize(
    ('layout', 'node', 'tasks'),
    [('8(x4)', 3, 8), ('8,7', 1, 7), ('2(x3),1', 2, 2), ('5', 0, 5)],
)
def test_tasks_of_this_slurm_node(given, layout, node, tasks):
    given(**TASK, SLURM_TASKS_PER_NODE=layout, SLURM_NODEID=node)
    given(SLURM_NTASKS_PER_NODE=layout)  # may read like this
    assert distributed.local_world_size('slurm') == tasks


@pytest.mark.parametrize(
    ('variables', 'launcher', 'cure'),
    [
        (TORCHRUN, 'none', 'torchrun started 2 .* add --launcher pytorch'),
        (SRUN, 'none', 'srun started 2 .* add --launcher slurm'),
        (MPIRUN, 'none', 'mpirun started 2 .* add --launcher mpi'),
        (SRUN, None, 'srun started 2 .*: start one$'),
    ],
)
def test_processes_that_know_nothing_of_each_other(
    given, variables, launcher, cure
):
    given(**variables)
    with pytest.raises(InputError, match=cure):
        distributed.check_launcher(launcher)


@pytest.mark.parametrize(
    'variables',
    [
        {},
        dict(SLURM_NTASKS=8),  # of a batch script, and older ones below
        dict(SLURM_NTASKS=8, SLURM_STEP_ID=4294967291),
        # a shell: srun --pty, and salloc's, which keeps the job's count
        dict(SLURM_NTASKS=1, SLURM_STEP_ID=0, SLURM_STEP_NUM_TASKS=1),
        dict(SLURM_NTASKS=8, SLURM_STEP_ID=0, SLURM_STEP_NUM_TASKS=1),
        dict(WORLD_SIZE=8),  # some clusters set it for whoever may need it
        dict(TORCHRUN, WORLD_SIZE=1),
    ],
)
def test_one_process_needs_no_launcher(given, variables):
    given(**variables)
    distributed.check_launcher('none')
    distributed.check_launcher(None)


def test_processes_of_their_launcher_are_let_pass(given):
    given(**TORCHRUN)
    distributed.check_launcher('pytorch')


@pytest.mark.parametrize(
    ('name', 'arguments'),
    [
        ('knn', ['a.pth', '--data', 'b']),
        ('extract_features', ['a.pth', 'b', 'c.npy']),
        ('evaluate_frozen', ['a.pth', '--data', 'b', '--out', 'c']),
        ('test', ['c.py', 'a.pth']),
    ],
)
def test_tools_do_not_run_side_by_side(given, name, arguments):
    given(**TORCHRUN)
    with pytest.raises(SystemExit, match='error: torchrun started 2'):
        tool(name).main(arguments)


def test_slurm_nodes_meet_at_the_first(given, no_group, scontrol, capsys):
    scontrol('echo "$3" | tr , "\\n"')
    given(**dict(TASK, SLURM_PROCID=1), SLURM_TASKS_PER_NODE='1(x2)')
    given(SLURM_NODELIST='n1,n2', SLURM_NODEID=1, SLURM_JOB_ID=20007)
    distributed.init_cpu_group('slurm')
    assert os.environ['MASTER_ADDR'] == 'n1'
    assert capsys.readouterr().err == 'waiting for n1:10007\n'


def test_steps_of_one_job_meet_on_their_own_nodes(given, no_group, scontrol):
    scontrol('echo "$3" | tr , "\\n"')
    given(**TASK, SLURM_TASKS_PER_NODE='1(x4)')
    given(SLURM_NODELIST='n1,n2,n3,n4', SLURM_STEP_NODELIST='n3,n4')
    distributed.init_cpu_group('slurm')
    assert os.environ['MASTER_ADDR'] == 'n3'


@pytest.mark.parametrize('text', ['exit 1', 'true'])
def test_without_scontrol_the_address_is_asked_for(
    given, no_group, scontrol, text
):
    scontrol(text)
    given(**TASK, SLURM_TASKS_PER_NODE='1(x2)', SLURM_NODELIST='n1,n2')
    with pytest.raises(InputError, match="MASTER_ADDR: set .*'n1,n2'"):
        distributed.init_cpu_group('slurm')


def test_slurm_jobs_on_one_node_have_their_own_ports(given, monkeypatch):
    """On GPUs too, where mmengine starts the group."""
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    given(**TASK, SLURM_JOB_ID=1234567)
    distributed.init_cpu_group('slurm')
    assert os.environ['MASTER_ADDR'] == '127.0.0.1'
    assert os.environ['MASTER_PORT'] == '24567'


def test_a_taken_port_names_the_cure(given, no_group):
    with socket.create_server(('127.0.0.1', 0)) as other:
        given(**TASK, MASTER_PORT=other.getsockname()[1])
        with pytest.raises(InputError, match='in use.*: set MASTER_PORT'):
            distributed.init_cpu_group('slurm')


@pytest.mark.parametrize('port', ['many', '70000'])
def test_a_port_that_is_none(given, no_group, port):
    given(**TASK, MASTER_PORT=port)
    with pytest.raises(InputError, match=f'port {port} .*: set MASTER_PORT'):
        distributed.init_cpu_group('slurm')
