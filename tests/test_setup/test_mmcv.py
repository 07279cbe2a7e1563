"""Exactly one mmcv, and a wheel that fits the installed torch."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bootstrap import mmcv, mmcv_wheel
from bootstrap.errors import SetupError
from bootstrap.torch_facts import TorchFacts

WHEEL = 'mmcv-2.1.0-cp311-cp311-linux_x86_64.whl'
FACTS = {
    'version': '2.0+cpu',
    'cuda': None,
    'nvcc': None,
    'nvcc_version': None,
    'gpu': False,
    'tag': 'cp311',
    'platform': 'linux_x86_64',
}
UNDEFINED = SetupError('Importing mmcv.ops failed:\n undefined symbol', '')


@pytest.fixture
def building(places, commands, put, monkeypatch):
    """Commands that pretend to compile and to install mmcv."""

    def compile_wheel(command):
        words = command.split()
        Path(words[words.index('-w') + 1], WHEEL).write_text('compiled')

    def uninstall(command):
        for name in command.partition('uninstall -y ')[2].split():
            folder = f'{name.replace("-", "_")}-2.1.0.dist-info'
            shutil.rmtree(places.site_packages / folder)

    (places.root / 'Python.h').write_text('')
    commands.answers = {
        'Importing torch': 'a warning\nFACTS ' + json.dumps(FACTS),
        "Asking Python's folders": f'{places.root}\n',
    }
    commands.effects = {
        'Compiling mmcv': compile_wheel,
        'Installing mmcv': lambda command: put('mmcv', '2.1.0'),
        'Installing mmcv-lite': lambda command: put('mmcv_lite', '2.1.0'),
        'Removing the other mmcv': uninstall,
    }
    monkeypatch.setattr(shutil, 'which', lambda name: f'/usr/bin/{name}')
    return commands


def test_quickstart_installs_the_lite_one(places, building):
    mmcv.ensure_lite(places, building)
    assert mmcv.fits(places, full=False)
    assert building.count('mmcv-lite==2.1.0') == 1


def test_quickstart_accepts_the_full_one(places, put, building):
    put('mmcv', '2.1.0')
    mmcv.ensure_lite(places, building)
    assert building.ran == []


def test_the_two_side_by_side_are_both_removed(places, put, building):
    put('mmcv', '2.1.0')
    put('mmcv_lite', '2.1.0')
    mmcv.ensure_lite(places, building)
    assert building.count('uninstall -y mmcv mmcv-lite') == 1
    assert mmcv.fits(places, full=False)


def test_the_full_one_replaces_the_lite_one(places, put, building):
    put('mmcv_lite', '2.1.0')
    mmcv.ensure_full(places, building)
    assert building.count('uninstall -y mmcv-lite') == 1
    assert mmcv.fits(places, full=True)


def test_a_kept_wheel_is_used_again(places, building, capsys):
    folder = mmcv_wheel.folder(places, TorchFacts(**FACTS))
    folder.mkdir(parents=True)
    (folder / WHEEL).write_text('kept')
    mmcv.ensure_full(places, building)
    assert building.count('pip') == building.count('install') == 1
    assert str(folder / WHEEL) in capsys.readouterr().out


def test_the_wheel_is_kept_for_other_clones(places, building):
    mmcv.ensure_full(places, building)
    folder = mmcv_wheel.folder(places, TorchFacts(**FACTS))
    assert folder.parent.parent == places.cache
    assert [f.name for f in folder.glob('*.whl*')] == [WHEEL]


def test_a_slower_compilation_is_told_with_the_log(places, building, capsys):
    mmcv.ensure_full(places, building)  # leaves no precompiled header
    told = capsys.readouterr().out
    assert 'could not be precompiled, so it took longer' in told
    assert str(places.log) in told


def test_a_fast_compilation_is_not_remarked(places, building, capsys):
    compile_wheel = building.effects['Compiling mmcv']

    def precompile(command):
        compile_wheel(command)
        words = command.split()
        Path(words[words.index('-w') + 1], 'torch.hpp.gch').write_text('')

    building.effects['Compiling mmcv'] = precompile
    mmcv.ensure_full(places, building)
    assert 'precompiled' not in capsys.readouterr().out


def test_a_wheel_for_another_torch_is_compiled_anew(places, building, capsys):
    folder = mmcv_wheel.folder(places, TorchFacts(**FACTS))
    folder.mkdir(parents=True)
    (folder / WHEEL).write_text('of another torch')
    building.failing['Importing mmcv.ops'] = UNDEFINED
    compile_wheel = building.effects['Compiling mmcv']

    def compile_well(command):
        compile_wheel(command)
        building.failing.clear()

    building.effects['Compiling mmcv'] = compile_well
    mmcv.ensure_full(places, building)
    assert (folder / WHEEL).read_text() == 'compiled'
    assert 'was built for another torch' in capsys.readouterr().out


def test_an_installed_mmcv_for_another_torch_is_replaced(
    places, put, building, capsys
):
    put('mmcv', '2.1.0')
    building.failing['Importing mmcv.ops'] = UNDEFINED
    installed = building.effects['Installing mmcv']

    def install(command):
        installed(command)
        building.failing.clear()

    building.effects['Installing mmcv'] = install
    mmcv.ensure_full(places, building)
    assert 'was built for another torch' in capsys.readouterr().out
    assert building.count('uninstall -y mmcv') == 1


def test_one_that_never_works_is_an_error_that_names_the_log(places, building):
    building.failing['Importing mmcv.ops'] = UNDEFINED
    with pytest.raises(SetupError, match='undefined symbol') as caught:
        mmcv.ensure_full(places, building)
    assert str(places.log) in caught.value.cure


def test_a_missing_compiler_names_its_package(places, building, monkeypatch):
    monkeypatch.setattr(shutil, 'which', lambda name: None)
    with pytest.raises(SetupError, match=r'apt-get install g\+\+'):
        mmcv.ensure_full(places, building)


def test_missing_headers_name_their_package(places, building):
    include = places.root / 'python3.11'
    building.answers["Asking Python's folders"] = f'{include}\n'
    with pytest.raises(SetupError, match='install python3.11-dev'):
        mmcv.ensure_full(places, building)


def test_the_folder_of_a_wheel_tells_torch_python_and_device():
    facts = TorchFacts(**FACTS)
    assert facts.key == 'torch-2.0+cpu-cp311-linux_x86_64-cpu'


def test_one_compiler_where_cores_are_not_told(monkeypatch):
    monkeypatch.delattr('os.sched_getaffinity')  # as on a Mac
    assert mmcv_wheel.parallel_jobs() == 1


@pytest.mark.parametrize(
    ('nvcc_version', 'forced'), [('13.0', '1'), ('12.4', '0'), (None, '0')]
)
def test_gpu_operators_need_the_nvcc_of_torchs_cuda(
    places, tmp_path, nvcc_version, forced
):
    on_gpu = {'gpu': True, 'cuda': '13.2', 'nvcc': '/cuda/bin/nvcc'}
    facts = TorchFacts(**{**FACTS, **on_gpu, 'nvcc_version': nvcc_version})
    variables = mmcv_wheel.build_environment(places, facts, 'g++', tmp_path)
    assert variables['FORCE_CUDA'] == forced
    # Without it mmcv compiles for any GPU that torch sees.
    assert ('CUDA_VISIBLE_DEVICES' in variables) == (forced == '0')


def test_a_setup_finds_what_it_executed_among_its_locals(places, tmp_path):
    """As mmcv's does, which fails in a plain Python 3.13."""
    facts = TorchFacts(**FACTS)
    variables = mmcv_wheel.build_environment(places, facts, 'g++', tmp_path)
    (tmp_path / 'setup.py').write_text(
        'def get_version():\n'
        '    exec(compile("version = 2", "version.py", "exec"))\n'
        '    return locals()["version"]\n'
        'print(get_version())\n'
    )
    command = [sys.executable, tmp_path / 'setup.py']
    told = subprocess.run(command, env=variables, capture_output=True)
    assert told.stdout == b'2\n'
