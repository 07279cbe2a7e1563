"""Checkpoints of another model or other classes are refused, not half used."""

import shutil

import pytest
import torch
from mmengine.model import BaseTTAModel
from mmengine.registry import MODEL_WRAPPERS
from torch import nn

from siameseim.errors import InputError
from siameseim.transfer.whole_checkpoint import check_whole, unwrapped
from tests.test_classification.test_configs import FINETUNE, FOLDER, argv
from tests.transfer_fixtures import ROOT, forget_visualizers, tool


@pytest.fixture(scope='module')
def run(weights, imagenette, tmp_path_factory):
    """Work directory of one epoch on ten classes."""
    forget_visualizers()
    work = tmp_path_factory.mktemp('run')
    tool('train').main(argv(FINETUNE, weights, imagenette, work))
    return work


def error(name, options):
    """What a tool says when it ends with an error."""
    with pytest.raises(SystemExit) as stop:
        tool(name).main(options)
    return str(stop.value)


def arguments(weights, data, work, checkpoint):
    """Arguments of tools/test.py."""
    config, *options = argv(FINETUNE, weights, data, work)
    return [config, str(checkpoint), *options]


def part(imagenette, folder, names):
    """Some classes of the data under other names."""
    classes = sorted(path.name for path in (imagenette / 'val').iterdir())
    for split in ('train', 'val'):
        for old, new in zip(classes, names, strict=False):
            shutil.copytree(imagenette / split / old, folder / split / new)
    return folder


def said(work):
    return ''.join(path.read_text() for path in work.glob('*/*.log'))


def test_weights_without_a_head_are_not_tested(weights, imagenette, tmp_path):
    text = error('test', arguments(weights, imagenette, tmp_path, weights))
    assert f'{weights} is no checkpoint of the model in the config' in text
    assert 'of its weights' in text
    assert 'missing, backbone.' in text


def test_another_number_of_classes_is_not_tested(
    run, weights, imagenette, tmp_path
):
    data = part(imagenette, tmp_path / 'data', ['a', 'b', 'c'])
    last = run / 'epoch_1.pth'
    text = error('test', arguments(weights, data, tmp_path, last))
    assert 'size mismatch for head.fc.weight' in text


def test_other_names_of_the_classes_are_warned_of(
    run, weights, imagenette, tmp_path
):
    data = part(imagenette, tmp_path / 'data', 'abcdefghij')
    last = run / 'epoch_1.pth'
    tool('test').main(arguments(weights, data, tmp_path / 'w', last))
    assert 'but the data have 10: a, b, c, d, ...' in said(tmp_path / 'w')


def test_a_resume_on_other_classes_is_refused(
    run, weights, imagenette, tmp_path
):
    data = part(imagenette, tmp_path / 'data', 'abcdefghij')
    work = shutil.copytree(run, tmp_path / 'run')
    text = error('train', argv(FINETUNE, weights, data, work, '--resume'))
    assert 'was trained on the classes 10: n01440764' in text


def test_a_resume_needs_no_pretrained_file_and_tells_changes(
    run, imagenette, tmp_path
):
    work = shutil.copytree(run, tmp_path / 'run')
    (work / '.epoch_2.pth.9.tmp').touch()  # of one that was killed
    options = argv(FINETUNE, '/no/file.pth', imagenette, work, '--resume')
    changed = ('train_cfg.max_epochs=2', 'train_dataloader.batch_size=8')
    tool('train').main([*options, *changed])
    assert torch.load(work / 'epoch_2.pth')['meta']['epoch'] == 2
    assert not list(work.glob('.*.tmp'))
    text = said(work)
    assert '/no/file.pth, from which the run was begun' in text
    assert 'train_dataloader.batch_size was 16, now is 8' in text
    assert 'init_cfg.checkpoint was' not in text


def test_a_start_from_another_backbone_is_refused(
    weights, imagenette, tmp_path
):
    state = {'backbone.cls_token': torch.zeros(1, 1, 8)}
    torch.save(dict(state_dict=state), tmp_path / 'other.pth')
    options = argv(FINETUNE, weights, imagenette, tmp_path)
    text = error('train', [*options, f'load_from={tmp_path / "other.pth"}'])
    assert 'load_from: only 0 of 148 backbone tensors of' in text


def test_pictures_are_not_drawn_with_a_random_head(
    weights, imagenette, tmp_path
):
    picture = str(next(imagenette.glob('val/*/*')))
    options = ['--cfg-options', 'model.backbone.arch=tiny']
    options += ['model.head.in_channels=192']
    text = error(
        'predict', [str(FOLDER / FINETUNE), weights, picture, *options]
    )
    assert 'is no checkpoint of the model in the config' in text


def test_a_pretraining_config_has_no_test(tmp_path):
    file = tmp_path / 'epoch_1.pth'
    file.touch()
    config = ROOT / 'configs/siameseim_smoke.py'
    text = error('test', [str(config), str(file)])
    assert 'tools/knn.py' in text


def test_a_counter_of_batches_may_be_missing():
    model = nn.BatchNorm1d(3)
    weights = model.state_dict()
    del weights['num_batches_tracked']
    check_whole(model, weights, 'file.pth')
    del weights['running_mean']
    with pytest.raises(InputError, match='1 are missing, running_mean'):
        check_whole(model, weights, 'file.pth')


class Recomputes(nn.Linear):
    """Has a buffer that its own file lacks, as Swin V2 has."""

    def __init__(self):
        super().__init__(2, 2)
        self.register_buffer('table', torch.zeros(2))


def test_what_a_model_computes_by_itself_may_be_missing():
    check_whole(Recomputes(), nn.Linear(2, 2).state_dict(), 'file.pth')


def test_too_little_memory_is_not_the_files_fault(monkeypatch):
    def full(*_, **__):
        raise torch.OutOfMemoryError

    model = nn.Linear(2, 2)
    monkeypatch.setattr(model, 'load_state_dict', full)
    with pytest.raises(torch.OutOfMemoryError):
        check_whole(model, nn.Linear(2, 2).state_dict(), 'file.pth')


class Scaled(BaseTTAModel):
    """A model tested at several scales."""

    def merge_preds(self, data_samples_list):
        return data_samples_list


@MODEL_WRAPPERS.register_module()
class Wrapper(nn.Module):
    """As DistributedDataParallel, which needs processes."""

    def __init__(self, module):
        super().__init__()
        self.module = module


def test_a_model_in_two_wrappers_is_found():
    model = nn.Linear(2, 2)
    model.test_step = None
    assert unwrapped(Wrapper(Scaled(model))) is model
    assert unwrapped(model) is model


def test_a_wrapped_model_may_have_been_saved():
    model = nn.Linear(2, 2)
    other = nn.Linear(2, 2)
    wrapped = {f'module.{n}': v for n, v in other.state_dict().items()}
    check_whole(model, wrapped, 'file.pth')
    assert model.weight.equal(other.weight)


def test_a_head_of_the_training_alone_may_be_missing_in_use():
    parts = {'decode_head': nn.Linear(2, 2), 'auxiliary_head': nn.Linear(2, 2)}
    model = nn.ModuleDict(parts)
    saved = nn.ModuleDict({'decode_head': nn.Linear(2, 2)}).state_dict()
    check_whole(model, saved, 'file.pth')
    with pytest.raises(InputError, match='2 are missing, auxiliary_head'):
        check_whole(model, saved, 'file.pth', to_train=True)


def test_a_resume_from_a_deeper_network_is_refused():
    saved = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)).state_dict()
    model = nn.Sequential(nn.Linear(2, 2))
    check_whole(model, saved, 'file.pth')
    with pytest.raises(InputError, match='it has 1.weight besides'):
        check_whole(model, saved, 'file.pth', to_train=True)


def test_processes_are_compared_before_they_train(
    weights, imagenette, tmp_path, monkeypatch
):
    def compare(runner):
        raise InputError(f'{len(runner.train_dataloader.dataset)} images here')

    train = tool('train')
    monkeypatch.setattr(train, 'check_processes', compare)
    with pytest.raises(SystemExit, match='error: 80 images here'):
        train.main(argv(FINETUNE, weights, imagenette, tmp_path))
