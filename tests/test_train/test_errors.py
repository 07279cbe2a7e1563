"""Each mistake on the command line is named, with what to do."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mmengine.config import Config

from siameseim.launch.work_dir_lock import LOCK_FILE, only_run_in


def test_missing_config_is_named(told):
    assert 'configs/typo.py' in told(file='configs/typo.py')


def test_a_misspelt_config_names_the_one_meant(told):
    text = told(file='configs/siameseim_smok.py')
    assert text.endswith('does not exist: did you mean siameseim_smoke.py?')


def test_missing_data_folder_is_named(told):
    assert '/no/images' in told(data='/no/images')


def test_a_missing_default_folder_names_the_option(train, tmp_path):
    file = 'configs/siameseim_small_data.py'
    with pytest.raises(SystemExit) as stop:
        train.main([file, '--work-dir', str(tmp_path)])
    said = f'data/imagenet/train, the data_root of {file}: give --data FOLDER'
    assert said in str(stop.value)


def test_data_that_are_not_a_folder_of_ours_may_make_their_own(train):
    cifar = dict(type='CIFAR10', data_root='no_folder')
    loader = dict(dataset=dict(dataset=cifar))
    cfg = Config(dict(train_dataloader=loader))
    train.train_config.check_data(cfg, None)


def test_folder_without_images_is_named(told, tmp_path):
    (tmp_path / 'empty').mkdir()
    assert 'no image under' in told(data=tmp_path / 'empty')


def test_batch_larger_than_the_data_names_both(told):
    text = told('', '--cfg-options', 'train_dataloader.batch_size=32')
    assert '26 training images' in text
    assert 'batch of 32: lower train_dataloader.batch_size' in text


def test_work_dir_that_is_a_file_is_named(told, tmp_path):
    (tmp_path / 'file').touch()
    assert str(tmp_path / 'file') in told(work='file')


def test_work_dir_that_cannot_be_made_is_named(told, tmp_path):
    (tmp_path / 'file').touch()
    text = told(work='file/within')
    assert f'cannot write to the work directory {tmp_path}/file/' in text
    assert text.endswith('give another with --work-dir')


def test_an_option_cut_short_is_refused(start, capsys):
    with pytest.raises(SystemExit):
        start('', '--epoch', '2')
    assert 'unrecognized arguments: --epoch' in capsys.readouterr().err


HOLD = """
import fcntl, sys
file = open(sys.argv[1], 'w')
fcntl.lockf(file, fcntl.LOCK_EX)
print('process 5 on node7', file=file, end='', flush=True)
print('held', flush=True)
sys.stdin.read()
"""


def test_another_run_in_the_work_directory_is_named(told, tmp_path):
    work = tmp_path / 'work'
    work.mkdir()
    command = [sys.executable, '-c', HOLD, work / LOCK_FILE]
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with subprocess.Popen(command, **pipes) as other:
        other.stdout.readline()
        text = told()
        other.stdin.close()
    assert f'another run trains in {work}: process 5 on node7' in text
    assert text.rstrip().endswith(f'remove {work / LOCK_FILE}')
    assert not [*work.glob('*.pth')]


def test_a_lock_file_of_another_user_keeps_nobody_out(tmp_path, monkeypatch):
    def refuse(*_):
        raise PermissionError

    trained = []
    with monkeypatch.context() as patch:
        patch.setattr('builtins.open', refuse)
        with only_run_in(str(tmp_path)):
            trained.append(True)
    assert trained == [True]


def test_missing_checkpoint_is_named(told):
    assert '/no/epoch_1.pth' in told('', '--resume', '/no/epoch_1.pth')


def test_a_knn_folder_without_splits_is_named(told, images):
    text = told('', '--knn', images)
    assert str(images) in text
    assert 'it needs the folders train and val (or test)' in text


@pytest.mark.parametrize(
    ('option', 'value', 'cure'),
    [('--knn', 'photos', 'tools/knn.py'), ('--epochs', '3', 'train_cfg')],
)
def test_pretraining_options_of_a_transfer_config_are_refused(
    told, option, value, cure
):
    name = 'siameseim_vitb_linear_8xb2048-90e_in1k.py'
    text = told('', option, value, file=f'configs/classification/{name}')
    assert f'{option} {value}' in text
    assert cure in text


def test_a_run_of_nothing_but_warm_up_names_the_cure(told):
    text = told('', '--cfg-options', 'train_cfg.max_epochs=1')
    assert 'warm-up of 1 epochs' in text
    assert '--epochs' in text


def test_colour_changes_that_nobody_would_make_are_named(told):
    text = """
model = dict(data_preprocessor=dict(type='SelfSupDataPreprocessor'))
train_pipeline = _base_.train_pipeline
train_pipeline[1]['on_device'] = True
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
"""
    assert "set model.data_preprocessor.type='ViewPreprocessor'" in told(text)


def test_a_resume_with_another_batch_is_named(start, told):
    work = start('', '--epochs', 1)
    other = 'train_dataloader = dict(batch_size=8)'
    text = told(other, '--epochs', 2, '--resume')
    assert text.startswith('error: ')
    assert 'images per iteration was 4, now is 8' in text
    assert '(train_dataloader.batch_size x processes)' in text
    assert f'load_from={work}/epoch_1.pth' in text


@pytest.mark.parametrize(
    'changed',
    [
        'train_dataloader.batch_size=8',
        'train_dataloader.batch_size=32',  # before the checkpoint is read
        'default_hooks.validation.data=no_folder',  # by a hook
    ],
)
def test_a_refused_resume_leaves_the_config_of_the_run(
    start, told, config, changed
):
    file = config()
    copy = start('', '--epochs', 1, file=file) / Path(file).name
    before = copy.read_text()
    told('', '--epochs', 2, '--resume', '--cfg-options', changed, file=file)
    assert copy.read_text() == before


@pytest.mark.parametrize(
    ('option', 'said'),
    [
        ('train_dataloader.dataset.pipeline.99.size=3', 'no such place'),
        ('default_hooks.logger.interval.x=3', 'no such place'),
    ],
)
def test_a_setting_without_a_place_is_named(told, option, said):
    text = told('', '--cfg-options', option)
    assert text.startswith(f'error: --cfg-options {option.split("=")[0]}')
    assert said in text


def test_an_interrupted_run_names_what_is_left(
    train, told, tmp_path, monkeypatch, capsys
):
    work = tmp_path / 'work'

    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(train.TerseRunner, 'train', interrupt)
    for saved, said in [
        ([], 'interrupted: nothing saved'),
        (['epoch_1.pth'], f'the last checkpoint in {work} is for --resume'),
    ]:
        for name in saved:
            (work / name).touch()
        assert told() == '130'
        assert said in capsys.readouterr().err


@pytest.mark.parametrize('saves', [True, False])
def test_until_a_hook_takes_over_ctrl_c_ends_at_once(
    train, start, monkeypatch, saves
):
    seen = []
    monkeypatch.setattr(
        train.TerseRunner,
        'train',
        lambda _: seen.append(signal.getsignal(signal.SIGINT)),
    )
    hooks = 'custom_hooks = [dict(type="MomentumTargetHook")]\n'
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)  # as a command does
    try:
        start('' if saves else hooks)
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.SIG_DFL if saves else signal.default_int_handler]
