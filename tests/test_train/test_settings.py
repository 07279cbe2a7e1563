"""Settings that do not fit, or would do nothing, are named."""

import re

import pytest
from mmengine.config import Config
from mmengine.hooks import EarlyStoppingHook

from siameseim.launch.stock_parts import check_stock_parts
from tests.test_train.conftest import SMOKE


def test_a_misspelt_setting_names_the_right_one(told):
    text = told('', '--cfg-options', 'train_dataloder.batch_size=2')
    assert 'did you mean train_dataloader.batch_size?' in text


@pytest.mark.parametrize('option', ['train_pipeline.0.area', 'custom_imports'])
def test_a_setting_that_nothing_reads_is_refused(told, option):
    text = told('', '--cfg-options', f'{option}=1')
    assert f'{option} would change nothing' in text
    place = 'train_dataloader.dataset.pipeline.0.area'
    assert (place in text) == ('pipeline' in option)


def test_a_pipeline_that_a_config_forgot_to_hand_on_is_refused(told):
    text = told('train_pipeline = [dict(type="TwoViews", size=48)]\n')
    assert 'train_dataloader = dict(dataset=dict(pipeline=' in text


@pytest.mark.parametrize(
    ('setting', 'named'),
    [
        ('optim_wrapper.optimizer.lr=abc', "'abc', but it must be a number"),
        ('optim_wrapper.optimizer.lr=None', 'lr=None must be a number'),
        ('optim_wrapper.optimizer.lr=-1e-3', 'lr=-0.001 must be a number'),
        ('auto_scale_lr.base_batch=8', "'base_batch': 8"),
        ('auto_scale_lr=True', 'auto_scale_lr=True must have enable'),
        ('auto_scale_lr.base_batch_size=0', 'base_batch_size=0 must be a'),
        ('auto_scale_lr.base_batch_size=x', "base_batch_size='x' must be a"),
    ],
)
def test_what_scales_the_rate_is_checked(told, setting, named):
    text = told('', '--cfg-options', setting)
    assert named in text


@pytest.mark.parametrize(
    ('wrong', 'right'),
    [
        ('model.backbone.drop_pth_rate', 'drop_path_rate'),  # of a base class
        ('model.bakbone', 'backbone'),
        ('train_dataloader.batchsize', 'batch_size'),
        ('train_dataloader.dataset.dataset.indicess', 'indices'),
        ('optim_wrapper.optimizer.lrr', 'lr'),
        ('default_hooks.checkpoint.intervall', 'interval'),
    ],
)
def test_a_setting_that_a_part_does_not_know_names_the_right_one(
    told, wrong, right
):
    text = told('', '--cfg-options', f'{wrong}=1')
    assert text.startswith('error: ')
    name = wrong.rpartition('.')[2]
    assert f'keyword argument {name!r}: did you mean {right}?' in text


@pytest.mark.parametrize(
    ('hook', 'setting', 'said'),
    [
        (
            'checkpont',
            'interval=1',
            'checkpont of .*: did you mean checkpoint?',
        ),
        # of the stock class, which keeps it for the first save
        ('checkpoint', 'intervall=1', 'intervall is no .* you mean interval?'),
    ],
)
def test_hooks_that_do_nothing_are_refused(told, hook, setting, said):
    text = "default_hooks = dict(checkpoint=dict(type='CheckpointHook'))"
    option = f'default_hooks.{hook}.{setting}'
    assert re.search(said, told(text, '--cfg-options', option))


@pytest.mark.parametrize('kind', ['CheckpointHook', 'SafeCheckpointHook'])
@pytest.mark.parametrize('setting', ['max_keep_ckpts=all', 'interval=0.5'])
def test_what_would_fail_at_the_first_save_is_refused(told, kind, setting):
    text = f"default_hooks = dict(checkpoint=dict(type='{kind}'))"
    option = f'default_hooks.checkpoint.{setting}'
    said = told(text, '--cfg-options', option)
    assert re.search(r'checkpoint\.\w+=\S+ must be a whole number', said)


def test_a_config_that_a_task_left_in_its_folder_is_checked_too(told):
    text = (
        'default_hooks = dict(checkpoint=dict('
        "type='mmpretrain.TaskCheckpointHook'))"
    )
    option = 'default_hooks.checkpoint.max_kept=1'
    assert 'max_kept is no setting' in told(text, '--cfg-options', option)


@pytest.mark.parametrize(
    ('text', 'named'),
    [
        (
            'default_hooks = dict(checkpoint=dict(save_best="knn"))',
            'default_hooks.checkpoint.save_best',
        ),
        (
            'custom_hooks = [*_base_.custom_hooks, '
            'dict(type="EarlyStoppingHook", monitor="knn", rule="greater")]',
            'an EarlyStoppingHook',
        ),
    ],
)
def test_what_waits_for_a_validation_loop_is_refused(told, text, named):
    answer = told(text)
    assert answer.startswith(f'error: {named} would do nothing')
    assert 'max_keep_ckpts=-1' in answer


def test_a_hook_of_ones_own_that_stops_early_is_let_be():
    cfg = Config.fromfile(SMOKE)
    own = type('KnnEarlyStoppingHook', (EarlyStoppingHook,), {})
    cfg.custom_hooks.append(dict(type=own))
    assert check_stock_parts(cfg) is None


def test_a_config_without_its_base_is_named(told, tmp_path):
    path = tmp_path / 'alone.py'
    path.write_text('model = dict(backbone=dict(with_cp=True))\n')
    said = told(file=path)
    parts = 'train_dataloader, train_cfg, optim_wrapper'
    assert said.startswith(f'error: {path} has no {parts}: begin')
    assert "_base_ = ['FILE']" in said


def test_weights_to_start_from_that_are_not_there_are_named(told):
    said = told('', '--cfg-options', 'load_from=absent.pth')
    assert said.startswith('error: no such file: load_from=absent.pth; a rel')


def test_a_setting_without_a_value_is_named(train, config, capsys):
    with pytest.raises(SystemExit) as stop:
        train.main([config(), '--cfg-options', 'train_cfg.max_epochs', '16'])
    assert stop.value.code == 2
    assert "'train_cfg.max_epochs' is no KEY=VALUE" in capsys.readouterr().err


@pytest.mark.parametrize(
    ('words', 'ends'),
    [
        (
            ['--batch-size', '8', '--lr=1e-3'],
            'unrecognized arguments: --batch-size 8 --lr=1e-3: give '
            '--cfg-options train_dataloader.batch_size=VALUE '
            'optim_wrapper.optimizer.lr=VALUE',
        ),
        (['--colour', 'red'], 'unrecognized arguments: --colour red'),
        (
            ['--amp'],
            'unrecognized arguments: --amp: leave --amp out, '
            'optim_wrapper.precision of the config decides',
        ),
        (
            ['--auto-scale-lr'],
            'unrecognized arguments: --auto-scale-lr: leave --auto-scale-lr '
            'out, auto_scale_lr of the config decides',
        ),
        (
            ['--work_dir', 'runs'],
            'unrecognized arguments: --work_dir runs: did you mean '
            '--work-dir?',
        ),
    ],
)
def test_a_setting_guessed_to_be_an_option_is_answered(
    train, capsys, words, ends
):
    with pytest.raises(SystemExit) as stop:
        train.main(['any.py', *words])
    assert stop.value.code == 2
    assert capsys.readouterr().err.endswith(f': error: {ends}\n')
