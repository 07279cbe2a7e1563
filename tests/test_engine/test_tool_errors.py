"""How a tool ends on what its user can mend."""

import pytest
from mmpretrain.registry import TRANSFORMS

from siameseim.engine.tool_errors import one_line_for


@one_line_for(OSError, ValueError)
def end(action):
    action()


def raising(error):
    def action():
        raise error

    return action


@pytest.mark.parametrize(
    ('action', 'line'),
    [
        (raising(ValueError('no k of 0')), 'error: no k of 0'),
        (raising(FileNotFoundError('no a.pth')), 'error: no a.pth'),
        (
            lambda: TRANSFORMS.build(dict(type='TopHiden')),
            'error: a type is not known: TopHiden is not in the mmpretrain::',
        ),
        (
            raising(ModuleNotFoundError('mmdet is not installed')),
            'error: mmdet is not installed. The full stack is built by',
        ),
    ],
)
def test_what_the_user_can_mend_is_one_line(action, line):
    with pytest.raises(SystemExit) as stop:
        end(action)
    assert stop.value.code.startswith(line)
    assert '\n' not in stop.value.code


def test_what_the_tool_does_not_name_keeps_its_traceback():
    for error in (
        KeyError('img'),
        RuntimeError('a fault of ours'),
        ImportError("cannot import name 'OrderdDict' from 'collections'"),
    ):
        with pytest.raises(type(error)) as raised:
            end(raising(error))
        assert raised.value is error


def test_ctrl_c_is_one_line_and_the_status_of_a_shell(capsys):
    with pytest.raises(SystemExit) as stop:
        end(raising(KeyboardInterrupt()))
    assert stop.value.code == 130
    assert capsys.readouterr().err == 'interrupted\n'
