"""Which interpreter the launch scripts run, and what Slurm is asked for."""

import os
import shutil
import socket
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def executable(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/usr/bin/env bash\n{text}\n')
    path.chmod(0o755)


@pytest.fixture
def project(tmp_path):
    """The scripts beside an environment and commands that only talk."""
    (tmp_path / 'tools').mkdir()
    for name in ('dist_train.sh', 'slurm_train.sh', 'find_python.sh'):
        shutil.copy(ROOT / 'tools' / name, tmp_path / 'tools')
    wait = '$PET_SIGNALS_TO_HANDLE wait=$TORCH_ELASTIC_SHUTDOWN_TIMEOUT'
    executable(tmp_path / '.venv/bin/python', f'echo project "$@" {wait}')
    executable(tmp_path / 'bin/python', 'echo active "$@"')
    executable(tmp_path / 'bin/srun', 'echo srun "$@"')
    return tmp_path


def run(project, script, *args, **variables):
    """Standard output of a script without any active environment."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in ('PYTHON', 'VIRTUAL_ENV', 'CONDA_PREFIX', 'PORT')
    }
    path = f'{project / "bin"}{os.pathsep}{os.environ["PATH"]}'
    return subprocess.run(
        [project / 'tools' / script, *args],
        env={**inherited, 'PATH': path, **variables},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.mark.parametrize(
    ('variables', 'who'),
    [
        ({}, 'project'),
        ({'VIRTUAL_ENV': '/env'}, 'active'),
        ({'CONDA_PREFIX': '/env'}, 'active'),
        ({'PYTHON': 'echo'}, '-m'),
    ],
)
def test_the_interpreter(project, variables, who):
    words = run(project, 'dist_train.sh', 'c.py', '2', **variables).split()
    assert words[0] == who


@pytest.mark.parametrize('given', ['--data', '0', 'x2'])
def test_what_is_no_number_of_processes_is_refused(project, given):
    """Torchrun would say so in tracebacks."""
    with pytest.raises(subprocess.CalledProcessError) as refused:
        run(project, 'dist_train.sh', 'c.py', given, 'FOLDER')
    told = refused.value.stderr
    assert 'PROCESSES must be a whole number from 1 on, or gpu' in told
    assert f', not {given}: ' in told


def test_torchrun_may_count_the_gpus(project):
    words = run(project, 'dist_train.sh', 'c.py', 'gpu', '--data', 'FOLDER')
    assert '--nproc_per_node=gpu' in words


@pytest.mark.parametrize('seconds', ['300', '60'])
def test_torchrun_leaves_time_to_save(project, seconds):
    """By itself it kills a run half a minute after SIGTERM."""
    given = {'TORCH_ELASTIC_SHUTDOWN_TIMEOUT': seconds}
    variables = given if seconds != '300' else {}
    words = run(project, 'dist_train.sh', 'c.py', '2', **variables).split()
    assert words[-1] == f'wait={seconds}'
    assert 'SIGUSR1' in words[-2].split(',')  # else torchrun dies of it


def test_slurm_gets_one_task_a_gpu(project):
    words = run(
        *(project, 'slurm_train.sh', 'part', 'job', 'c.py', '--data', 'x'),
        GPUS='16',
    ).split()
    assert {'--ntasks=16', '--ntasks-per-node=8', '--gres=gpu:8'} <= {*words}
    tail = words[words.index('-u') :]
    assert tail[2:] == ['c.py', '--launcher', 'slurm', '--data', 'x']


def test_two_runs_on_one_machine_need_no_ports(project):
    words = run(project, 'dist_train.sh', 'c.py', '2').split()
    assert '--standalone' in words  # takes a free port
    assert not any('master_port' in word for word in words)


@pytest.mark.parametrize(
    ('variables', 'port'),
    [
        (dict(PORT='29512'), '29512'),
        (dict(NNODES='2', NODE_RANK='1', MASTER_ADDR='n1'), '29500'),
    ],
)
def test_a_port_that_is_set_or_must_be_known(project, variables, port):
    words = run(project, 'dist_train.sh', 'c.py', '2', **variables).split()
    assert f'--master_port={port}' in words
    assert f'--nnodes={variables.get("NNODES", 1)}' in words
    assert '--standalone' not in words


def test_a_taken_port_names_the_cure(project):
    with socket.create_server(('127.0.0.1', 0)) as other:
        port = str(other.getsockname()[1])
        with pytest.raises(subprocess.CalledProcessError) as error:
            run(project, 'dist_train.sh', 'c.py', '2', PORT=port)
    (line,) = error.value.stderr.splitlines()
    assert f'port {port} of this machine is taken: set PORT' in line
