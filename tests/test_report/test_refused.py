"""What a report cannot be made of: errors that say what to do."""

import pytest
import torch

from siameseim.errors import InputError
from siameseim.report import load_run
from siameseim.report.pictures import load_images
from tests.transfer_fixtures import tool


def test_a_folder_without_checkpoint_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match='holds no checkpoint'):
        load_run(tmp_path)


@pytest.mark.parametrize('there', ['last_checkpoint', 'iter_9.pth'])
def test_what_a_report_has_no_options_for_is_not_advised(tmp_path, there):
    for name in ('epoch_2.pth', there):
        (tmp_path / name).write_text('epoch_3.pth')
    said = r'give the file itself \(to tools/train.py as --resume FILE\)'
    with pytest.raises(InputError, match=f'{said}, or another work dir'):
        load_run(tmp_path)


def test_a_checkpoint_without_config_is_refused(run, tmp_path):
    path = tmp_path / 'alone.pth'
    path.write_bytes((run / 'epoch_2.pth').read_bytes())
    with pytest.raises(FileNotFoundError, match='--config'):
        load_run(path)


def test_a_backbone_file_is_refused(run, tmp_path):
    path = tmp_path / 'backbone.pth'
    torch.save({'cls_token': torch.zeros(1)}, path)
    with pytest.raises(ValueError, match='whole model'):
        load_run(path, next(run.glob('*.py')))


def test_a_damaged_config_is_named(run, tmp_path):
    config = tmp_path / 'cut.py'
    config.write_text("model = dict(type='Siam")
    with pytest.raises(InputError, match=r'cut\.py is damaged \(line 1'):
        load_run(run, config)


def test_a_damaged_checkpoint_is_named(run, photos, tmp_path):
    path = tmp_path / 'short.pth'
    path.write_bytes((run / 'epoch_2.pth').read_bytes()[:1000])
    config = next(run.glob('*.py'))
    asked = [str(path), '--images', str(photos), '--config', str(config)]
    with pytest.raises(SystemExit, match='short.pth .* cut short'):
        tool('report').main(asked)


def test_a_checkpoint_of_another_size_is_named(run, photos, tmp_path):
    path = tmp_path / 'other.pth'
    saved = torch.load(run / 'epoch_2.pth', weights_only=True)
    saved['state_dict']['backbone.cls_token'] = torch.zeros(1, 1, 3)
    torch.save(saved, path)
    config = next(run.glob('*.py'))
    asked = [str(path), '--images', str(photos), '--config', str(config)]
    said = f'{path} does not fit the model of {config}: .*cls_token.*'
    with pytest.raises(SystemExit, match=said) as stop:
        tool('report').main(asked)
    assert '\n' not in str(stop.value.code)


def test_a_folder_in_place_of_the_page_is_refused_before_the_work(
    photos, tmp_path
):
    asked = ['no_run', '--images', str(photos), '--out', str(tmp_path)]
    with pytest.raises(SystemExit, match='is a folder: give a file, such as'):
        tool('report').main(asked)


def test_finite_weights_whose_features_are_not_are_named(run, photos):
    """As where a learning rate was far too high."""
    model = load_run(run).model
    torch.nn.init.constant_(model.backbone.layers[0].attn.qkv.weight, 1e38)
    with pytest.raises(InputError, match=r'NaN or infinite.*check the weig'):
        load_images(model, photos, 12)
