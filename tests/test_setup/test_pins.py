"""The requirement files, and their agreement with setup.py."""

import ast
from pathlib import Path

import pytest

from bootstrap import pins
from bootstrap.places import Places
from siameseim.environment import requirements

ROOT = Path(__file__).resolve().parents[2]


def declared_ranges() -> dict[str, str]:
    """Return name -> range of every requirement text in setup.py."""
    tree = ast.parse((ROOT / 'setup.py').read_text())
    texts = [
        element.value
        for node in ast.walk(tree)
        if isinstance(node, ast.List)
        for element in node.elts
        if isinstance(element, ast.Constant)
    ]
    split = (text.partition('>=') for text in texts)
    return {name: sign + versions for name, sign, versions in split}


def test_names_get_their_pinned_version(places: Places) -> None:
    wanted = pins.requested(places.requirements / 'test.txt')
    assert wanted == {'torch': '2.0', 'pytest': '9.0'}


def test_a_name_without_a_pin_is_refused(places: Places) -> None:
    path = places.requirements / 'quickstart.txt'
    path.write_text('unheard-of\n')
    with pytest.raises(KeyError, match='unheard-of'):
        pins.requested(path)


@pytest.mark.parametrize('name', ['quickstart', 'test', 'build'])
def test_the_projects_own_files_are_pinned(name: str) -> None:
    assert pins.requested(ROOT / f'requirements/{name}.txt')


def test_setup_py_and_the_import_check_name_the_same_ranges() -> None:
    declared = declared_ranges()
    checked = {**requirements.CORE, **requirements.DETECTION}
    assert {name: str(r) for name, r in checked.items()} == {
        name: declared[name] for name in checked
    }


def test_every_pin_lies_in_its_range() -> None:
    known = pins.known_good(ROOT / 'requirements')
    checked = {**requirements.CORE, **requirements.DETECTION}
    outside = [n for n, r in checked.items() if known[n] not in r]
    assert outside == []
    assert known['mmcv'] in requirements.MMCV
