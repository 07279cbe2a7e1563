"""A checkout in a temporary folder, and commands that only pretend."""

import pytest

from bootstrap.commands import Commands
from bootstrap.places import Places

KNOWN_GOOD = 'mmcv==2.1.0\nmmcv-lite==2.1.0\ntorch==2.0\npytest==9.0\n'


class PretendedCommands(Commands):
    """Remembers the commands; fails those of a given title."""

    def __init__(self, log, python):
        super().__init__(log, python)
        self.ran = []
        self.failing = {}  # errors by title
        self.effects = {}  # functions of the command by title
        self.answers = {}  # what is printed by title

    def run(self, command, title, extra_env=None):
        """Remember the command; have the effect told for its title."""
        self.ran.append(' '.join(map(str, command)))
        if title in self.failing:
            raise self.failing[title]
        if title in self.effects:
            self.effects[title](self.ran[-1])
        return self.answers.get(title, '')

    def count(self, words):
        """Return how many commands held these words."""
        return sum(words in command for command in self.ran)


@pytest.fixture
def places(tmp_path):
    """A checkout with requirement files and an environment's skeleton."""
    made = Places(tmp_path / 'checkout', tmp_path / 'cache')
    made.requirements.mkdir(parents=True)
    (made.requirements / 'known-good.txt').write_text(KNOWN_GOOD)
    (made.requirements / 'quickstart.txt').write_text('torch  # why\n')
    (made.requirements / 'test.txt').write_text('-r quickstart.txt\npytest\n')
    (made.root / 'setup.py').write_text('')
    (made.venv / 'bin').mkdir(parents=True)
    (made.venv / 'lib/python3.11/site-packages').mkdir(parents=True)
    (made.venv / 'pyvenv.cfg').write_text('version = 3.11.2\n')
    made.python.write_text('')
    made.work.mkdir()
    return made


@pytest.fixture
def commands(places):
    """Commands that only pretend."""
    return PretendedCommands(places.log, places.python)


@pytest.fixture
def put(places):
    """Return a function that pretends to install a distribution."""

    def put_distribution(name, version, whole=True):
        folder = places.site_packages / f'{name}-{version}.dist-info'
        folder.mkdir()
        (folder / 'METADATA').write_text('')
        if whole:
            (folder / 'RECORD').write_text('')
        return folder

    return put_distribution
