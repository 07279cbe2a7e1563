"""Reading the state of the environment."""

import json
from pathlib import Path

import pytest

from bootstrap import venv


def test_installed_reads_names_as_pip_compares_them(places, put):
    put('opencv_python', '5.0.0.93')
    put('PyYAML', '6.0')
    assert venv.installed(places) == {
        'opencv-python': '5.0.0.93',
        'pyyaml': '6.0',
    }


def test_half_an_installation_is_removed_and_does_not_count(places, put):
    half = put('torch', '2.0', whole=False)
    renamed = places.site_packages / '~orch'
    renamed.mkdir()
    assert 'torch' not in venv.installed(places)
    venv.drop_half_installed(places)
    assert not half.exists()
    assert not renamed.exists()


def test_an_environment_without_pip_is_not_usable(places, put):
    assert not venv.is_usable(places)
    put('pip', '23.0')
    assert venv.is_usable(places)


@pytest.mark.parametrize('version', ['3.9.2', '3.15.0'])
def test_an_environment_of_another_python_is_not_usable(places, put, version):
    put('pip', '23.0')
    (places.venv / 'pyvenv.cfg').write_text(f'version = {version}\n')
    assert not venv.is_usable(places)


def test_an_environment_whose_python_is_gone_is_not_usable(places, put):
    put('pip', '23.0')
    places.python.unlink()
    places.python.symlink_to('/no/such/python')
    assert not venv.is_usable(places)


def test_a_usable_environment_is_left_alone(places, put, commands):
    put('pip', '23.0')
    venv.ensure(places, commands)
    assert commands.ran == []


def test_a_broken_environment_is_made_anew(places, commands, monkeypatch):
    monkeypatch.setattr(venv, 'find_python', lambda: '/usr/bin/python3.11')
    venv.ensure(places, commands)
    assert commands.ran == [
        f'/usr/bin/python3.11 -m venv --clear {places.venv}'
    ]


def test_an_editable_installation_tells_its_folder(places, put):
    folder = put('siameseim', '0.1.0')
    told = {'url': 'file:///my%20code/here', 'dir_info': {'editable': True}}
    (folder / 'direct_url.json').write_text(json.dumps(told))
    assert venv.editable_root(places, 'siameseim') == Path('/my code/here')
