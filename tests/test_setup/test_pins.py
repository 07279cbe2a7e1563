"""The requirement files, and their agreement with the ranges."""

from pathlib import Path

import pytest

from bootstrap import pins
from siameseim.environment import requirements

ROOT = Path(__file__).resolve().parents[2]


def test_names_get_their_pinned_version(places):
    wanted = pins.requested(places.requirements / 'test.txt')
    assert wanted == {'torch': '2.0', 'pytest': '9.0'}


def test_a_name_without_a_pin_is_refused(places):
    path = places.requirements / 'quickstart.txt'
    path.write_text('unheard-of\n')
    with pytest.raises(KeyError, match='unheard-of'):
        pins.requested(path)


@pytest.mark.parametrize('name', ['quickstart', 'test', 'build'])
def test_the_projects_own_files_are_pinned(name):
    assert pins.requested(ROOT / f'requirements/{name}.txt')


def test_every_pin_lies_in_its_range():
    known = pins.known_good(ROOT / 'requirements')
    checked = {**requirements.CORE, **requirements.DETECTION}
    outside = [n for n, r in checked.items() if known[n] not in r]
    assert outside == []
    assert known['mmcv'] in requirements.MMCV
