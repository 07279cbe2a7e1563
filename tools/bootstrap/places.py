"""Where the set-up reads and writes."""

import os
from dataclasses import dataclass, field
from pathlib import Path


def user_cache() -> Path:
    """Return the folder for what clones of this project may share."""
    base = os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache'
    return Path(base) / 'siameseim'


@dataclass(frozen=True)
class Places:
    """The folders and files of one checkout."""

    root: Path  # the checkout
    # outlives the checkout
    cache: Path = field(default_factory=user_cache)

    @property
    def venv(self) -> Path:
        """The project-local environment."""
        return self.root / '.venv'

    @property
    def python(self) -> Path:
        """The Python of the environment."""
        return self.venv / 'bin/python'

    @property
    def site_packages(self) -> Path:
        """Where the environment holds its packages."""
        found = sorted(self.venv.glob('lib/python3*/site-packages'))
        return found[0] if found else self.venv / 'lib/site-packages'

    @property
    def requirements(self) -> Path:
        """The folder of requirement files."""
        return self.root / 'requirements'

    @property
    def work(self) -> Path:
        """What the set-up remembers between runs: lock, log and stamp."""
        return self.root / '.setup'

    @property
    def log(self) -> Path:
        """The full output of the commands of the last set-up."""
        return self.work / 'setup.log'
