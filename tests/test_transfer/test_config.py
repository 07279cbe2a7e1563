"""Fitting transfer configs to a command line."""

import json

import pytest
import torch
from mmengine.config import Config, ConfigDict

from siameseim.errors import InputError
from siameseim.transfer import config
from siameseim.transfer.config import check_operators
from siameseim.transfer.whole_checkpoint import write_completely
from tests.transfer_fixtures import ROOT


def detection_cfg():
    dataset = dict(
        type='CocoDataset',
        data_root='data/coco/',
        ann_file='annotations/a.json',
        data_prefix=dict(img='train/'),
    )
    loader = dict(
        num_workers=999,
        persistent_workers=True,
        dataset=dict(type='RepeatDataset', dataset=dataset),
    )
    return ConfigDict(
        default_scope='mmdet',
        train_dataloader=loader,
        val_dataloader=loader,
        val_evaluator=dict(ann_file='data/coco/annotations/a.json'),
    )


def test_data_reaches_wrapped_datasets_and_the_evaluator():
    cfg = ConfigDict(detection_cfg())
    config.set_data_root(cfg, '/data/my')
    assert cfg.train_dataloader.dataset.dataset.data_root == '/data/my'
    assert cfg.val_evaluator.ann_file == '/data/my/annotations/a.json'


def test_data_reaches_every_metric_of_a_list():
    """As in mmdet's Cityscapes: COCO's metric and one with a folder."""
    cfg = ConfigDict(detection_cfg())
    cfg.val_evaluator = [
        cfg.val_evaluator,
        dict(seg_prefix='data/coco/masks', outfile_prefix='work_dirs/data'),
        dict(ann_file='data/coco2/a.json', metric=['bbox']),
    ]
    config.set_data_root(cfg, '/data/my/')
    assert [dict(metric) for metric in cfg.val_evaluator] == [
        dict(ann_file='/data/my/annotations/a.json'),
        dict(seg_prefix='/data/my/masks', outfile_prefix='work_dirs/data'),
        dict(ann_file='data/coco2/a.json', metric=['bbox']),
    ]


def test_no_path_is_moved_twice():
    """Two data sets of one root, the new root inside the old one."""
    cfg = ConfigDict(detection_cfg())
    part = cfg.val_dataloader.dataset.dataset
    cfg.val_dataloader.dataset = ConfigDict(
        type='ConcatDataset', datasets=[part, {**part}]
    )
    config.set_data_root(cfg, 'data/coco/small')
    assert cfg.val_evaluator.ann_file == 'data/coco/small/annotations/a.json'


def test_no_more_workers_than_cores(tmp_path):
    (tmp_path / 'train').mkdir()
    (tmp_path / 'annotations').mkdir()
    one = dict(images=[dict(id=1, width=9, height=9)], categories=[])
    (tmp_path / 'annotations/a.json').write_text(json.dumps(one))
    cfg = ConfigDict(detection_cfg())
    config.fit(cfg, str(tmp_path), processes=1)
    assert 0 < cfg.train_dataloader.num_workers < 999


@pytest.mark.parametrize(
    ('system', 'method'), [('darwin', 'spawn'), ('linux', 'fork')]
)
def test_a_mac_spawns_loader_workers(monkeypatch, system, method):
    monkeypatch.setattr('sys.platform', system)
    forks = dict(mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0))
    cfg = Config(dict(default_scope='mmseg', env_cfg=forks))
    config.fit(cfg, None, processes=1)
    assert cfg.env_cfg.mp_cfg.mp_start_method == method


@pytest.mark.parametrize(
    'scope, expected', [('mmdet', True), ('mmseg', True), (None, False)]
)
def test_configs_of_the_toolboxes_are_recognised(scope, expected):
    assert config.is_transfer(ConfigDict(default_scope=scope)) is expected


def test_a_missing_annotation_file_is_named(tmp_path):
    dataset = ConfigDict(
        type='CocoDataset', data_root=str(tmp_path), ann_file='a.json'
    )
    with pytest.raises(FileNotFoundError, match='a.json.*data_root'):
        config.check_files(dataset, 'val')


@pytest.mark.parametrize(
    ('cfg', 'said'),
    [
        (dict(default_scope='mmdet'), 'no annotations of its images: give'),
        (
            dict(
                default_scope='mmpretrain',
                model=dict(type='ImageClassifier'),
            ),
            "ann_file='.*own.json' lists none: correct ann_file",
        ),
    ],
)
def test_data_without_a_root_of_which_no_image_is_left(cfg, said, tmp_path):
    path = tmp_path / 'own.json'
    path.write_text('{"images": [], "categories": []}')
    dataset = dict(type='Own', ann_file=str(path), data_prefix='')
    cfg = Config({**cfg, 'train_dataloader': dict(dataset=dataset)})
    with (
        pytest.raises(InputError, match=said),
        config.empty_data_explained(cfg),
    ):
        raise ValueError('need at least one array to concatenate')


@pytest.mark.parametrize(
    ('init', 'kept'),
    [
        (dict(type='Pretrained', checkpoint='/no/file.pth'), False),
        (dict(type='Pretrained', checkpoint=__file__), True),
        (dict(type='Pretrained', checkpoint='https://x.org/a.pth'), True),
        ([dict(type='Pretrained', checkpoint='/no/file.pth')], False),
        ([dict(type='Xavier', layer='Linear')], True),
        ('a text that mmengine would refuse', True),
    ],
)
def test_a_resume_forgets_only_a_file_that_is_not_there(init, kept):
    cfg = ConfigDict(model=dict(backbone=dict(init_cfg=init)))
    told = config.forget_absent_weights(cfg)
    assert (cfg.model.backbone.init_cfg is not None) == kept
    assert (told is None) == kept


@pytest.mark.parametrize(
    'file',
    sorted((ROOT / 'configs/detection').glob('*.py')),
    ids=lambda file: file.stem,
)
def test_detection_does_not_keep_every_checkpoint(file):
    """A run of 100 epochs would leave more than 130 GB."""
    pytest.importorskip('mmdet')
    hooks = Config.fromfile(file).default_hooks
    assert hooks.checkpoint.max_keep_ckpts == 2


@pytest.mark.parametrize(
    ('hook', 'kept'),
    [
        (dict(type='CheckpointHook'), dict(backend='atomic')),
        (dict(out_dir='s3://bucket'), None),
        (dict(file_client_args=dict(backend='disk')), None),
        (dict(backend_args=dict(backend='petrel')), dict(backend='petrel')),
    ],
)
def test_checkpoints_on_a_disk_are_written_completely(hook, kept):
    cfg = Config(dict(default_hooks=dict(checkpoint=hook)))
    write_completely(cfg)
    assert cfg.default_hooks.checkpoint.get('backend_args') == kept


@pytest.mark.parametrize(
    ('scope', 'gpu', 'compiled', 'refused'),
    [
        ('mmdet', True, 'not available', True),
        ('mmdet', True, '13.0', False),
        ('mmdet', False, 'not available', False),
        ('mmseg', True, 'not available', False),
    ],
)
def test_a_detector_needs_operators_for_the_gpu(
    monkeypatch, scope, gpu, compiled, refused
):
    ops = pytest.importorskip('mmcv.ops', exc_type=ImportError)
    monkeypatch.setattr(ops, 'get_compiling_cuda_version', lambda: compiled)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: gpu)
    cfg = Config(dict(default_scope=scope))
    if refused:
        with pytest.raises(InputError, match='install the CUDA toolkit'):
            check_operators(cfg)
    else:
        check_operators(cfg)
