"""How a tool ends on what its user can mend."""

import pytest
from mmengine.config import Config
from mmpretrain.registry import TRANSFORMS
from torch.optim import SGD

from siameseim.engine.tool_errors import one_line_for


@one_line_for(OSError, ValueError)
def end(action):
    action()


def raising(error):
    def action():
        raise error

    return action


STACK = (
    '. The full stack is built by `python3 tools/setup_env.py test`; `python '
    'tools/doctor.py --require detection` says what is missing'
)


@pytest.mark.parametrize(
    ('action', 'line'),
    [
        (raising(ValueError('no k of 0')), 'no k of 0'),
        (raising(FileNotFoundError('no a.pth')), 'no a.pth'),
        (
            lambda: TRANSFORMS.build(dict(type='TopHiden')),
            'a type is not known: TopHiden is not in the mmpretrain::transform'
            ' registry: check its spelling, and that custom_imports names the '
            'module that registers it',
        ),
        (
            raising(ModuleNotFoundError('mmdet is not installed')),
            f'mmdet is not installed{STACK}',
        ),
        (
            raising(ModuleNotFoundError('mmsegmentation is not installed')),
            f'mmsegmentation is not installed{STACK}',
        ),
        (
            lambda: SGD([], lr=1.0, betas=(0.9, 0.95)),
            'a setting is not known: SGD.__init__() got an unexpected keyword '
            "argument 'betas'. If the config inherits it from a part of "
            'another type, add _delete_=True beside the type',
        ),
    ],
)
def test_what_the_user_can_mend_is_one_line(action, line):
    with pytest.raises(SystemExit) as stop:
        end(action)
    assert stop.value.code == f'error: {line}'


@pytest.mark.parametrize(
    ('name', 'cure'), [('einops_not_there', ''), ('mmdet.not_there', STACK)]
)
def test_the_import_that_failed_is_named(name, cure, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'own_module.py').write_text(f'import {name}')
    config = tmp_path / 'mine.py'
    config.write_text("custom_imports = dict(imports=['own_module'])")
    with pytest.raises(SystemExit) as stop:
        end(lambda: Config.fromfile(config))
    assert stop.value.code.endswith(
        f"Failed to import own_module: No module named '{name}'{cure}"
    )


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
