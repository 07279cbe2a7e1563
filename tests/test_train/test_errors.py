"""Each mistake on the command line is named, with what to do."""

import shutil
import signal
from pathlib import Path

import pytest


def message(train, *args):
    """What tools/train.py says when it ends with an error."""
    with pytest.raises(SystemExit) as stop:
        train.main(list(args))
    return str(stop.value)


def test_missing_config_is_named(train):
    assert 'configs/typo.py' in message(train, 'configs/typo.py')


def test_missing_data_folder_is_named(train, config, tmp_path):
    text = message(
        train, config(), '--data', '/no/images', '--work-dir', str(tmp_path)
    )
    assert '/no/images' in text


def test_folder_without_images_is_named(train, config, tmp_path):
    (tmp_path / 'empty').mkdir()
    text = message(
        train,
        *(config(), '--data', str(tmp_path / 'empty')),
        *('--work-dir', str(tmp_path)),
    )
    assert 'no image under' in text


def test_batch_larger_than_the_data_names_both(
    train, config, images, tmp_path
):
    text = message(
        train,
        *(config(), '--data', str(images), '--work-dir', str(tmp_path)),
        *('--cfg-options', 'train_dataloader.batch_size=32'),
    )
    assert '26 training images' in text
    assert 'batch of 32' in text


def test_work_dir_that_is_a_file_is_named(train, config, images, tmp_path):
    (tmp_path / 'file').touch()
    text = message(
        train,
        *(config(), '--data', str(images)),
        *('--work-dir', str(tmp_path / 'file')),
    )
    assert str(tmp_path / 'file') in text


def test_missing_checkpoint_is_named(train, config, images, tmp_path):
    text = message(
        train,
        *(config(), '--data', str(images), '--work-dir', str(tmp_path)),
        *('--resume', '/no/epoch_1.pth'),
    )
    assert '/no/epoch_1.pth' in text


def test_a_knn_folder_without_splits_is_named(train, config, images, tmp_path):
    text = message(
        train,
        *(config(), '--data', str(images), '--work-dir', str(tmp_path)),
        *('--knn', str(images)),
    )
    assert f'{images} needs the folders train and val (or test)' in text


@pytest.mark.parametrize(
    ('option', 'value', 'cure'),
    [('--knn', 'photos', 'tools/knn.py'), ('--epochs', '3', 'train_cfg')],
)
def test_pretraining_options_of_a_transfer_config_are_refused(
    train, tmp_path, option, value, cure
):
    text = message(
        train,
        'configs/classification/siameseim_vitb_linear_8xb2048-90e_in1k.py',
        *(option, value, '--work-dir', str(tmp_path)),
    )
    assert f'{option} {value}' in text
    assert cure in text


def test_a_run_of_nothing_but_warm_up_names_the_cure(
    train, config, images, tmp_path
):
    text = message(
        train,
        *(config(), '--data', str(images), '--work-dir', str(tmp_path)),
        *('--cfg-options', 'train_cfg.max_epochs=1'),
    )
    assert 'warm-up of 1 epochs' in text
    assert '--epochs' in text


def test_colour_changes_that_nobody_would_make_are_named(
    train, config, images, tmp_path
):
    text = """
model = dict(data_preprocessor=dict(type='SelfSupDataPreprocessor'))
train_pipeline = _base_.train_pipeline
train_pipeline[1]['on_device'] = True
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
"""
    data = ['--data', str(images), '--work-dir', str(tmp_path / 'w')]
    said = message(train, config(text), *data)
    assert "set model.data_preprocessor.type='ViewPreprocessor'" in said


def test_a_resume_with_another_batch_is_named(train, config, images, tmp_path):
    base = ['--data', str(images), '--work-dir', str(tmp_path / 'w')]
    train.main([config(), *base, '--epochs', '1'])
    other = config('train_dataloader = dict(batch_size=8)')
    text = message(train, other, *base, '--epochs', '2', '--resume')
    assert text.startswith('error: ')
    assert 'images per iteration was 4, now is 8' in text
    assert '(train_dataloader.batch_size x processes)' in text
    assert f'load_from={tmp_path}/w/epoch_1.pth' in text


def test_a_refused_resume_leaves_the_config_of_the_run(
    train, config, images, tmp_path
):
    base = ['--data', str(images), '--work-dir', str(tmp_path / 'w')]
    file = config()
    train.main([file, *base, '--epochs', '1'])
    copy = tmp_path / 'w' / Path(file).name
    before = copy.read_text()
    changed = ('--cfg-options', 'train_dataloader.batch_size=8')
    message(train, file, *base, '--epochs', '2', '--resume', *changed)
    assert copy.read_text() == before


@pytest.mark.parametrize(
    ('option', 'said'),
    [
        ('train_dataloader.dataset.pipeline.99.size=3', 'no such place'),
        ('default_hooks.logger.interval.x=3', 'no such place'),
        ('train_dataloder=3', 'did you mean train_dataloader?'),
    ],
)
def test_a_setting_without_a_place_is_named(
    train, config, images, tmp_path, option, said
):
    text = message(
        train,
        *(config(), '--data', str(images), '--work-dir', str(tmp_path)),
        *('--cfg-options', option),
    )
    assert text.startswith(f'error: --cfg-options {option.split("=")[0]}')
    assert said in text


def test_a_damaged_image_of_the_knn_folder_is_named(
    train, config, images, tmp_path
):
    for split in ('train', 'val'):
        shutil.copytree(images, tmp_path / 'knn' / split)
    damaged = tmp_path / 'knn/val/0/damaged.png'
    damaged.write_bytes(b'no image')
    text = message(
        train,
        *(config(), '--data', str(images), '--work-dir', str(tmp_path / 'w')),
        *('--knn', str(tmp_path / 'knn')),
    )
    assert text.startswith(f'error: {damaged} cannot be read (')
    assert '<_io.' not in text


def test_an_interrupted_run_names_what_is_left(
    train, config, images, tmp_path, monkeypatch, capsys
):
    base = [config(), '--data', str(images), '--work-dir', str(tmp_path / 'w')]

    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(train.TerseRunner, 'train', interrupt)
    for saved, said in [
        ([], 'interrupted: nothing saved'),
        (
            ['epoch_1.pth'],
            f'the last checkpoint in {tmp_path}/w is for --resume',
        ),
    ]:
        for name in saved:
            (tmp_path / 'w' / name).touch()
        with pytest.raises(SystemExit) as stop:
            train.main(base)
        assert stop.value.code == 130
        assert said in capsys.readouterr().err


def test_a_toolbox_that_is_missing_is_named_with_the_cure(train, monkeypatch):
    def build_runner(args):
        raise ModuleNotFoundError('mmdet is not installed')

    monkeypatch.setattr(train, 'build_runner', build_runner)
    text = message(train, 'configs/detection/any.py')
    assert text.startswith('error: mmdet is not installed.')
    assert 'tools/setup_env.py test' in text


@pytest.mark.parametrize('saves', [True, False])
def test_until_a_hook_takes_over_ctrl_c_ends_at_once(
    train, config, images, tmp_path, monkeypatch, saves
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
        train.main(
            [config('' if saves else hooks), '--data', str(images)]
            + ['--work-dir', str(tmp_path / 'w')]
        )
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.SIG_DFL if saves else signal.default_int_handler]
