"""Runs that are of something else are not taken for the same."""

import json
import shutil

import pytest
from mmengine.config import Config
from mmpretrain.models import ResNet

from siameseim.comparison.frozen_scores import image_size
from siameseim.comparison.identity import (
    config_digests,
    data_digest,
    keep_identity,
)
from siameseim.comparison.table import summarise
from siameseim.errors import InputError
from tests.test_comparison.test_table import result


def test_the_parts_of_a_config_that_differ_are_told():
    config = dict(model=dict(a=1), optim_wrapper=dict(lr=0.1), work_dir='x')
    one = config_digests(Config(config))
    assert one.keys() == {'model', 'optim_wrapper'}
    assert one == config_digests(Config({**config, 'work_dir': 'y'}))
    loader = dict(train_dataloader=dict(batch_size=8, num_workers=2))
    more = config_digests(Config(loader))
    loader['train_dataloader']['num_workers'] = 4
    assert config_digests(Config(loader)) == more
    other = config_digests(Config({**config, 'model': dict(a=2)}))
    assert other['model'] != one['model']
    assert other['optim_wrapper'] == one['optim_wrapper']


def test_data_are_told_by_names_and_sizes(labelled_data, tmp_path):
    shutil.copytree(labelled_data, tmp_path / 'copy')
    train, val = tmp_path / 'copy/train', tmp_path / 'copy/val'
    before = data_digest(labelled_data / 'train', labelled_data / 'val')
    (train / '.DS_Store').touch()
    assert data_digest(train, val) == before
    shutil.rmtree(train / 'dark')
    (train / 'dark').symlink_to(labelled_data / 'train/dark')
    assert data_digest(train, val) == before
    shutil.copy(train / 'dark/dark_1.png', val / 'bright/1.png')
    assert data_digest(train, val) != before


def test_a_run_is_gone_on_with_as_it_was_begun(tmp_path):
    begun = dict(options={}, data='abc', interval=1)
    keep_identity(tmp_path, begun)
    keep_identity(tmp_path, {**begun, 'data': 'xyz'})  # nothing saved so far
    (tmp_path / 'last_checkpoint').touch()
    keep_identity(tmp_path, {**begun, 'data': 'xyz'})
    with pytest.raises(
        ValueError, match='otherwise: data was xyz, is abc. Go'
    ):
        keep_identity(tmp_path, begun)
    kept = json.loads((tmp_path / 'options.json').read_text())
    assert kept['data'] == 'xyz'


@pytest.mark.parametrize(
    ('name', 'change'),
    [('data', dict(data='y')), ('config.model', dict(config={'model': '2'}))],
)
def test_seeds_of_other_data_or_configs_are_not_averaged(name, change):
    one = {**result('a', 0, 1.0), 'data': 'x', 'config': {'model': '1'}}
    with pytest.raises(ValueError, match=f'{name} differs'):
        summarise([one, {**one, 'seed': 1, **change}])
    old = result('a', 1, 2.0)  # knew neither
    assert len(summarise([one, old])) == 1


def test_a_backbone_that_cannot_be_measured_is_named():
    with pytest.raises(InputError, match='is a ResNet: only .*VisionTransfor'):
        image_size(ResNet(18))
