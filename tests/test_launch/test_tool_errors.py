"""How a tool ends on what its user can mend."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmpretrain.registry import HOOKS, OPTIMIZERS, TRANSFORMS, VISUALIZERS

import siameseim
from siameseim.launch.tool_errors import one_line_for


@one_line_for(OSError, ValueError)
def end(action):
    action()


def raising(error):
    def action():
        raise error

    return action


LOST = 'Read error [127.0.0.1]:27367: Connection reset by peer'
STALLED = 'Timed out waiting 1800000ms for recv operation to complete'
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
            raising(RuntimeError(f'[a/gloo/transport/tcp/b.cc:7] {STALLED}')),
            'rank 0 ends, since it lost another process of the run, whose own '
            f'error, if it could write one, says why ({STALLED})',
        ),
        (
            raising(RuntimeError(f'[a/gloo/transport/tcp/b.cc:5] {LOST}. So')),
            'rank 0 ends, since it lost another process of the run, whose own '
            f'error, if it could write one, says why ({LOST})',
        ),
        (
            lambda: torch.nn.BatchNorm2d(3)(torch.ones(1, 3, 1, 1)),
            'BatchNorm cannot learn from one image alone (Expected more than '
            '1 value per channel when training, got input size torch.Size([1,'
            ' 3, 1, 1])): raise train_dataloader.batch_size with '
            '--cfg-options',
        ),
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
            lambda: OPTIMIZERS.build(dict(type='SGD', lr=1, betas=(0.9,))),
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


def test_a_near_name_does_not_hide_that_a_setting_was_inherited():
    part = dict(type='LARS', params=[], lr=1, betas=(0.9, 0.95))
    cure = r'mean eta\? If .* add _delete_=True'
    with pytest.raises(SystemExit, match=cure):
        end(lambda: OPTIMIZERS.build(part))


@pytest.mark.parametrize(
    ('build', 'line'),
    [
        (
            lambda: VISUALIZERS.build(
                dict(type='Visualizer', name='a', vis_backends=['B'])
            ),
            'Visualizer refuses a setting: vis_backends must be a list of ',
        ),
        (
            lambda: HOOKS.build(dict(type='EMAHook', begin_iter=-1)),
            'EMAHook refuses a setting: `begin_iter` must larger than or ',
        ),
    ],
)
def test_what_a_stock_part_refuses_is_one_line(build, line):
    with pytest.raises(SystemExit, match=f'^error: {line}'):
        end(build)


def test_what_no_setting_made_keeps_its_traceback():
    with pytest.raises(AssertionError):
        end(lambda: torch.nn.MultiheadAttention(5, 2))


def test_what_a_stock_part_stumbles_over_keeps_its_traceback():
    part = dict(type='AdamW', params=[torch.ones(1)], eps='small')
    with pytest.raises(TypeError):
        end(lambda: OPTIMIZERS.build(part))


def test_a_setting_within_a_setting_is_named_too():
    part = dict(type='FeatureWatchHook', limits=dict(ranks=1))
    with pytest.raises(SystemExit, match="argument 'ranks'.*did you mean"):
        end(lambda: HOOKS.build(part))


NOT_THERE = ': add the folder that it lies in to PYTHONPATH'


@pytest.mark.parametrize(
    ('line', 'cause'),
    [
        (
            'import einops_not_there',
            "No module named 'einops_not_there' (at {}:1)",
        ),
        (
            'import mmdet.not_there',
            f"No module named 'mmdet.not_there' (at {{}}:1){STACK}",
        ),
        (
            'from siameseim import lost',
            "cannot import name 'lost' from 'siameseim' "
            f'({siameseim.__file__}) (at {{}}:1)',
        ),
        (None, f"No module named 'own_module'{NOT_THERE}"),
    ],
)
@pytest.mark.parametrize('kinds', [[ValueError], [ImportError]])
def test_the_custom_import_that_failed_is_named_with_its_cause(
    line, cause, kinds, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    own = tmp_path / 'own_module.py'
    if line:
        own.write_text(line)
    config = tmp_path / 'mine.py'
    config.write_text("custom_imports = dict(imports=['own_module'])")
    with pytest.raises(SystemExit) as stop, one_line_for(*kinds):
        Config.fromfile(config)
    assert stop.value.code == (
        'error: custom_imports: own_module could not be imported: '
        + cause.format(own)
    )


PLUGIN = """
import torch
from mmcv.transforms import BaseTransform
from siameseim.datasets import BlockMask
from siameseim.errors import InputError


class Doubtful(BaseTransform):
    def __init__(self, do):
        exec(do)  # a line of the user's

    def transform(self, results):
        torch.nn.functional.smooth_l1_loss(results, results, bta=1)
"""


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A module of a user's, in a file outside of this repository."""
    path = tmp_path / 'plugin.py'
    path.write_text(PLUGIN)
    space = {'__name__': 'plugin'}
    exec(compile(PLUGIN, path, 'exec'), space)
    return SimpleNamespace(path=path, **space)


@pytest.mark.parametrize(
    'do',
    [
        'first, second = [1, 2, 3]',
        'torch.nn.Dropout(2.0)',  # raised in a library
        'torch.nn.BatchNorm1d(3)(torch.ones(1, 3))',
        'BlockMask(num_masked=500)',  # or here
        'import einops_not_there',
    ],
)
def test_an_error_out_of_the_users_code_keeps_its_traceback(plugin, do):
    part = dict(type=plugin.Doubtful, do=do)
    with pytest.raises((ValueError, ImportError)) as raised:
        end(lambda: TRANSFORMS.build(part))
    files = [str(step.path) for step in raised.traceback]
    assert str(plugin.path) in files


def test_an_input_error_says_all_wherever_it_comes_from(plugin):
    part = dict(type=plugin.Doubtful, do='raise InputError("no k of 0")')
    with pytest.raises(SystemExit, match='^error: no k of 0$'):
        end(lambda: TRANSFORMS.build(part))


def test_a_fault_of_the_users_code_is_no_setting_of_a_config(plugin):
    """Not where a part of his runs, nor where it is being built."""
    running = TRANSFORMS.build(dict(type=plugin.Doubtful, do='pass'))
    call = 'torch.nn.functional.smooth_l1_loss(0, 0, bta=1)'
    for fault in (
        lambda: running(torch.ones(1)),
        lambda: TRANSFORMS.build(dict(type=plugin.Doubtful, do=call)),
        raising(KeyError('TopHiden is not in the lid of the box')),
    ):
        with pytest.raises((TypeError, KeyError)):
            end(fault)


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
