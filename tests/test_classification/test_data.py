"""What --data accepts for a classification config, and what it says."""

import pytest
from mmengine.config import Config
from mmpretrain.registry import DATASETS

from siameseim.errors import InputError
from siameseim.transfer import classification, config
from tests.test_classification.test_configs import FINETUNE, FOLDER
from tests.transfer_fixtures import tool


def classes(folder, *names):
    for name in names:
        (folder / name).mkdir(parents=True)
        (folder / name / '1.jpg').touch()


def cfg(name=FINETUNE):
    return Config.fromfile(FOLDER / name)


def test_a_folder_sets_classes_paths_and_metrics(tmp_path):
    classes(tmp_path / 'train', 'a', 'b', 'c')
    classes(tmp_path / 'test', 'a', 'b', 'c')
    changed = cfg()
    changed.val_evaluator = [
        dict(type='SingleLabelMetric'),
        dict(type='Accuracy', topk=(1, 5)),
    ]
    config.fit(changed, str(tmp_path), processes=1)
    assert changed.model.head.num_classes == 3
    assert changed.data_preprocessor.num_classes == 3
    assert changed.test_evaluator.topk == [1]
    assert changed.val_evaluator[1].topk == [1]
    for split, name in (('train', 'train'), ('val', 'test')):
        dataset = changed[f'{split}_dataloader'].dataset
        assert dataset.type == 'CustomDataset'
        assert dataset.data_prefix == name
        assert dataset.metainfo.classes == ['a', 'b', 'c']


def test_a_folder_in_the_home_folder_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path))
    classes(tmp_path / 'train', 'a')
    classes(tmp_path / 'val', 'a')
    changed = cfg()
    config.fit(changed, '~/', processes=1)
    assert changed.val_dataloader.dataset.data_root == str(tmp_path)


def test_images_of_cifar_as_files_are_loaded_and_swapped_to_rgb(tmp_path):
    classes(tmp_path / 'train', 'a', 'b')
    classes(tmp_path / 'test', 'a', 'b')
    changed = cfg('siameseim_vitb_linear_8xb128-90e_cifar10.py')
    assert changed.data_preprocessor.to_rgb is False
    classification.set_data(changed, str(tmp_path))
    assert changed.data_preprocessor.to_rgb is True
    steps = [s.type for s in changed.train_dataloader.dataset.pipeline]
    assert steps[0] == 'LoadImageFromFile'


def test_images_of_all_endings_are_used(tmp_path):
    classes(tmp_path / 'train', 'a')
    classes(tmp_path / 'val', 'a')
    (tmp_path / 'train/a/2.tiff').touch()
    (tmp_path / 'train/a/3.WEBP').touch()
    changed = cfg()
    classification.set_data(changed, str(tmp_path))
    dataset = dict(changed.train_dataloader.dataset, pipeline=[])
    assert len(DATASETS.build(dataset)) == 3


def test_settings_of_the_data_set_stay(tmp_path):
    classes(tmp_path / 'train', 'a', 'b')
    classes(tmp_path / 'val', 'a', 'b')
    changed = cfg()
    changed.train_dataloader.dataset.indices = 5
    classification.set_data(changed, str(tmp_path))
    assert changed.train_dataloader.dataset.indices == 5
    assert 'indices' not in changed.val_dataloader.dataset


def test_a_preprocessor_inside_the_model_is_found(tmp_path):
    classes(tmp_path / 'val', 'a', 'b')
    changed = cfg('siameseim_vitb_linear_8xb128-90e_cifar10.py')
    changed.model.data_preprocessor = changed.pop('data_preprocessor')
    classification.set_data(changed, str(tmp_path))
    assert changed.model.data_preprocessor.num_classes == 2
    assert changed.model.data_preprocessor.to_rgb is True


@pytest.mark.parametrize(
    ('name', 'inside'),
    [
        ('siameseim_vitb_linear_8xb128-90e_cifar10.py', 'cifar-10-batches-py'),
        ('siameseim_vitb_linear_8xb128-90e_food101.py', 'meta/train.txt'),
        (FINETUNE, 'meta'),
    ],
)
def test_the_layout_of_the_stock_data_set_is_kept(name, inside, tmp_path):
    (tmp_path / inside).mkdir(parents=True)
    before, after = cfg(name), cfg(name)
    classification.set_data(after, str(tmp_path))
    dataset = after.train_dataloader.dataset
    assert dataset.data_root == str(tmp_path)
    assert dataset.type == before.train_dataloader.dataset.type
    assert after.model.head.num_classes == before.model.head.num_classes


def test_hidden_folders_are_no_classes_and_hidden_files_nothing(tmp_path):
    for part in ('train', 'val'):
        classes(tmp_path / part, 'a', 'b')
        (tmp_path / part / '.DS_Store').touch()
    classification.set_data(cfg(), str(tmp_path))
    for part in ('train', 'val'):
        classes(tmp_path / part, '.ipynb_checkpoints')
    with pytest.raises(InputError, match=r'train/\.ipynb_checkpoints would'):
        classification.set_data(cfg(), str(tmp_path))


@pytest.mark.parametrize(
    ('name', 'step'),
    [
        (FINETUNE, '1.scale=224'),
        ('siameseim_vitb_linear_8xb128-90e_cifar10.py', '0.scale=224'),
    ],
)
def test_images_of_another_size_than_the_network_are_refused(name, step):
    changed = cfg(name)
    changed.model.backbone.img_size = 64
    said = rf'train_dataloader.dataset.pipeline.{step} .*img_size=64: give'
    with pytest.raises(InputError, match=said):
        config.fit(changed, None, processes=1)
    classification.check_sizes(cfg(name), ('train', 'val', 'test'))


def test_training_at_another_size_than_the_test_is_warned_of(monkeypatch):
    said = []
    monkeypatch.setattr(classification, 'warn', said.append)
    changed = cfg()
    changed.train_dataloader.dataset.pipeline[1].scale = 160
    classification.check_sizes(changed, ('train', 'val'))
    (text,) = said
    assert text.startswith('train_dataloader.dataset.pipeline.1.scale=160, ')


def test_a_test_looks_at_the_test_images_only(tmp_path):
    classes(tmp_path / 'val', 'a', 'b')
    changed = cfg()
    changed.model.backbone.img_size = 64
    changed.train_dataloader = None
    with pytest.raises(InputError, match='test_dataloader.*2.crop_size=224'):
        config.fit(changed, str(tmp_path), processes=1)
    changed.test_dataloader.dataset.pipeline[2].crop_size = [64, 64]
    config.fit(changed, str(tmp_path), processes=1)


def test_other_classes_in_val_are_named(tmp_path):
    classes(tmp_path / 'train', 'a', 'b')
    classes(tmp_path / 'val', 'a', 'c')
    with pytest.raises(ValueError, match='only one of them has: b, c'):
        classification.set_data(cfg(), str(tmp_path))


def test_a_folder_without_images_is_named(tmp_path):
    for part in ('train', 'val'):
        (tmp_path / part / 'cat').mkdir(parents=True)
    with pytest.raises(SystemExit, match='no training image is left'):
        tool('train').main(
            [str(FOLDER / FINETUNE), '--data', str(tmp_path),
             '--work-dir', str(tmp_path / 'run'), '--cfg-options',
             'model.backbone.arch=tiny', 'model.head.in_channels=192']
        )  # fmt: skip


def test_missing_data_are_named():
    with pytest.raises(FileNotFoundError, match='data/imagenet.*--data'):
        config.fit(cfg(), None, processes=1)
