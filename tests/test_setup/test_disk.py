"""Room on the disk."""

import pytest

from bootstrap.disk import require_space
from bootstrap.errors import SetupError


def test_enough_room_passes(tmp_path):
    assert require_space({tmp_path / 'not/yet/there': 0.0}) is None


def test_too_little_names_place_and_cure(tmp_path):
    with pytest.raises(SetupError, match='needs 1000000.0 GiB') as caught:
        require_space({tmp_path: 1e6})
    assert str(tmp_path) in caught.value.problem
    assert 'TMPDIR=' in caught.value.cure


def test_needs_on_one_disk_add_up(tmp_path):
    with pytest.raises(SetupError, match='needs 3000000.0 GiB'):
        require_space({tmp_path: -1.0, tmp_path / 'a': 3e6 + 1.0})
