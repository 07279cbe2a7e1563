"""The results that tools/test.py writes."""

import json

import numpy as np
import pytest
import torch
from mmengine.config import Config

from siameseim.launch import distributed
from tests.transfer_fixtures import ROOT, tool
from tests.vit_fixtures import saved

ARGS = ['config.py', 'checkpoint.pth', '--out', 'results/a/x.json']


@pytest.fixture
def scoring(tmp_path, monkeypatch):
    """The tool in an empty folder, with scores that nothing measured."""
    monkeypatch.chdir(tmp_path)
    module = tool('test')
    monkeypatch.setattr(module, 'measure', lambda args: {'top1': 7})
    return module


def write_config(tmp_path, **settings):
    data = dict(type='CustomDataset', data_root=str(tmp_path), pipeline=[])
    loader = dict(batch_size=1, num_workers=0, dataset=data)
    Config(
        dict(
            default_scope='mmpretrain',
            model=dict(type='ImageClassifier', head=dict(num_classes=2)),
            test_dataloader=loader,
            **settings,
        )
    ).dump(tmp_path / 'config.py')


def test_the_folder_is_made_before_the_test(scoring, tmp_path):
    write_config(tmp_path)
    saved(tmp_path / 'checkpoint.pth', {})
    scoring.load_config(scoring.parse_args(ARGS))
    assert (tmp_path / 'results/a').is_dir()


def test_only_the_data_to_test_on_need_be_there(scoring, tmp_path):
    data = dict(type='CustomDataset', data_root='/no/data', pipeline=[])
    used = dict(train_dataloader=dict(dataset=data), train_cfg=dict())
    used |= dict(val_dataloader=dict(dataset=data), val_cfg=dict())
    write_config(tmp_path, val_evaluator=dict(type='Accuracy'), **used)
    saved(tmp_path / 'checkpoint.pth', {})
    cfg = scoring.load_config(scoring.parse_args(ARGS))
    assert cfg.test_dataloader.dataset.data_root == str(tmp_path)
    assert cfg.val_evaluator is None


def test_scores_may_be_arrays(scoring, tmp_path, monkeypatch):
    """Such as the matrix of mmpretrain's ConfusionMatrix."""
    (tmp_path / 'results/a').mkdir(parents=True)
    scores = dict(
        top1=np.float64(0.5),
        confusion=torch.tensor([[7, 1], [0, 2]]),
        recall=[1.0, 0.25],
    )
    monkeypatch.setattr(scoring, 'measure', lambda args: scores)
    scoring.main(ARGS)
    found = json.loads((tmp_path / 'results/a/x.json').read_text())
    expected = dict(top1=0.5, confusion=[[7, 1], [0, 2]], recall=[1.0, 0.25])
    assert found == expected


@pytest.mark.parametrize('main_process', [True, False])
def test_one_process_writes_them(main_process, scoring, tmp_path, monkeypatch):
    """Which one it is has to be asked while there is a process group."""
    (tmp_path / 'results/a').mkdir(parents=True)
    group = [main_process]
    monkeypatch.setattr(scoring, 'is_main_process', lambda: group[0])
    monkeypatch.setattr(
        distributed, 'end_group', lambda: group.insert(0, True)
    )
    assert scoring.main(ARGS) == {'top1': 7}
    file = tmp_path / 'results/a/x.json'
    assert file.exists() == main_process
    if main_process:
        assert json.loads(file.read_text()) == {'top1': 7}


def test_a_damaged_checkpoint_is_named(tmp_path):
    (tmp_path / 'cut.pth').write_bytes(b'PK\x03\x04 and no more')
    write_config(tmp_path)
    with pytest.raises(SystemExit, match=r'error: .*cut\.pth'):
        tool('test').main(
            [str(tmp_path / 'config.py'), str(tmp_path / 'cut.pth')]
        )


def test_data_without_images_are_named(tmp_path):
    pytest.importorskip('mmseg')
    name = 'siameseim_vitb_linear_8xb2-40k_ade20k-512x512.py'
    for part in ('images', 'annotations'):
        (tmp_path / part / 'validation').mkdir(parents=True)
    checkpoint = saved(tmp_path / 'checkpoint.pth', {})
    options = ['--data', str(tmp_path), '--work-dir', str(tmp_path / 'run')]
    options += ['--cfg-options', 'model.backbone.arch=tiny']
    with pytest.raises(SystemExit, match='error: no test image is left: ADE'):
        tool('test').main(
            [f'{ROOT}/configs/segmentation/{name}', checkpoint, *options]
        )
