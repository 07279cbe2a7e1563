"""What an error suggests in place of a setting that is not known."""

import pytest

from siameseim.launch.tool_errors import one_line_for


class Base:
    def __init__(self, indices=None):
        self.indices = indices


class Narrow(Base):
    def __init__(self):
        super().__init__()


def test_what_only_a_base_knows_is_not_suggested():
    with pytest.raises(SystemExit) as ended, one_line_for():
        Narrow(indices=3)
    assert "argument 'indices'" in str(ended.value)
    assert 'did you mean' not in str(ended.value)
