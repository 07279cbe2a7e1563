"""The whole set-up with pretended commands."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bootstrap import flow, stamp
from bootstrap.errors import SetupError
from bootstrap.places import Places

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def installing(places, commands, put, monkeypatch):
    """Commands that pretend to install what the quickstart asks for."""

    def install_project(command):
        told = {'url': f'file://{places.root}', 'dir_info': {'editable': True}}
        folder = put('siameseim', '0.1.0')
        (folder / 'direct_url.json').write_text(json.dumps(told))

    put('pip', '23.0')
    commands.effects = {
        'Installing packages': lambda command: put('torch', '2.0'),
        'Installing siameseim': install_project,
        'Installing mmcv-lite': lambda command: put('mmcv_lite', '2.1.0'),
    }
    monkeypatch.setattr(flow, 'Commands', lambda *_: commands)
    monkeypatch.setattr(
        flow.disk, 'require_space_for_packages', lambda places: None
    )
    return commands


def test_the_second_time_nothing_is_run(places, installing):
    flow.set_up(places, 'quickstart')
    assert installing.count('quickstart.txt') == 1
    installing.ran.clear()
    begin = time.monotonic()
    flow.set_up(places, 'quickstart')
    assert installing.ran == []
    assert time.monotonic() - begin < 1


def test_an_interrupted_set_up_goes_on_where_it_stopped(places, installing):
    cut_off = SetupError('cut off', 'run again')
    installing.failing['Installing mmcv-lite'] = cut_off
    with pytest.raises(SetupError, match='cut off'):
        flow.set_up(places, 'quickstart')
    assert not stamp.is_current(places, 'quickstart')
    installing.failing.clear()
    installing.ran.clear()
    flow.set_up(places, 'quickstart')
    assert stamp.is_current(places, 'quickstart')
    assert installing.count('quickstart.txt') == 0
    assert installing.count('--editable') == 0


def test_a_set_up_that_stopped_is_not_taken_for_the_one_before(
    places, installing
):
    flow.set_up(places, 'quickstart')
    (places.site_packages / 'torch-2.0.dist-info/RECORD').unlink()
    title = f'Importing {flow.WITHOUT_MMCV}'
    installing.failing[title] = SetupError('cut off', 'run again')
    with pytest.raises(SetupError, match='cut off'):
        flow.set_up(places, 'quickstart')
    assert not stamp.missing(places, 'quickstart')
    assert not stamp.is_current(places, 'quickstart')


def test_an_environment_made_by_hand_is_adopted(places, put, installing):
    put('torch', '2.0')
    put('mmcv', '2.1.0')
    installing.effects['Installing siameseim']('')
    flow.set_up(places, 'quickstart')
    assert installing.count('pip') == 0
    assert stamp.is_current(places, 'quickstart')


def test_the_full_stack_serves_the_quickstart_too(places, put, installing):
    for name, version in (('torch', '2.0'), ('pytest', '9.0')):
        put(name, version)
    put('mmcv', '2.1.0')
    flow.set_up(places, 'test')
    assert stamp.is_current(places, 'test')
    assert stamp.is_current(places, 'quickstart')


def test_a_changed_pin_is_installed(places, installing):
    flow.set_up(places, 'quickstart')
    pins = places.requirements / 'known-good.txt'
    pins.write_text(pins.read_text().replace('torch==2.0', 'torch==2.1'))
    assert not stamp.is_current(places, 'quickstart')
    assert stamp.missing(places, 'quickstart') == ['torch']


def test_a_package_removed_by_hand_is_noticed(places, installing):
    flow.set_up(places, 'quickstart')
    (places.site_packages / 'torch-2.0.dist-info/RECORD').unlink()
    assert not stamp.is_current(places, 'quickstart')


def test_a_moved_checkout_is_installed_anew(places, installing, tmp_path):
    flow.set_up(places, 'quickstart')
    places.root.rename(tmp_path / 'moved')
    moved = Places(tmp_path / 'moved', places.cache)
    assert not stamp.project_installed(moved)
    assert not stamp.is_current(moved, 'quickstart')


def test_a_missing_system_library_stops_before_mmcv(places, installing):
    title = f'Importing {flow.WITHOUT_MMCV}'
    installing.failing[title] = SetupError('no libGL', 'apt-get')
    with pytest.raises(SetupError, match='no libGL'):
        flow.set_up(places, 'quickstart')
    assert installing.count('mmcv') == 0


def test_a_full_disk_stops_before_the_download(
    places, installing, monkeypatch
):
    def refuse(places):
        raise SetupError('0.9 GiB free', 'free some space')

    monkeypatch.setattr(flow.disk, 'require_space_for_packages', refuse)
    with pytest.raises(SetupError, match='0.9 GiB free'):
        flow.set_up(places, 'quickstart')
    assert installing.count('install') == 0


def test_an_unknown_target_is_told_the_usage():
    told = subprocess.run(
        [sys.executable, ROOT / 'tools/setup_env.py', 'everything'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 1
    assert 'quickstart|test' in told.stderr
