"""Every detection config learns, measures and resumes on real images."""

import json
import math

import pytest
import torch
from mmengine.config import Config

from tests.transfer_fixtures import (
    ROOT,
    run_stock,
    scores_of,
    tool,
    train_in_two,
    values,
    width_of,
)

pytest.importorskip('mmcv.ops', exc_type=ImportError)
pytest.importorskip('mmdet')
FOLDER = ROOT / 'configs/detection'
CONFIGS = sorted(path.name for path in FOLDER.glob('*vit?_*.py'))
PLAIN = 'siameseim_vitb_mask-rcnn_fpn_8xb2-1x_coco.py'
VITDET = 'siameseim_vitb_vitdet_mask-rcnn_8xb8-lsj-100e_coco.py'
SIDE = 128  # pixels


def data_of(config, shared, tmp_path):
    """Folder of the data, of which COCO is left 4 images to measure."""
    if 'lvis' in config:
        return shared / 'data/lvis_mini'
    coco = shared / 'data/coco_mini'
    folder = tmp_path / 'coco'
    if not folder.exists():
        (folder / 'annotations').mkdir(parents=True)
        for split in ('train2017', 'val2017'):
            (folder / split).symlink_to(coco / split)
            name = f'annotations/instances_{split}.json'
            contents = json.loads((coco / name).read_text())
            if split == 'val2017':
                contents = first_images(contents, 4)
            (folder / name).write_text(json.dumps(contents))
    return folder


def first_images(contents, number):
    """Some images of a COCO-format file, with their annotations."""
    images = contents['images'][:number]
    kept = {image['id'] for image in images}
    annotations = [
        annotation
        for annotation in contents['annotations']
        if annotation['image_id'] in kept
    ]
    return contents | dict(images=images, annotations=annotations)


@pytest.mark.parametrize('config', CONFIGS)
def test_the_neck_is_as_wide_as_the_backbone(config):
    model = Config.fromfile(FOLDER / config).model
    width = width_of(model.backbone)
    if 'vitdet' in config:
        assert model.neck.in_channels == width
    else:  # the map is scaled up before it is pooled
        assert model.neck.in_channels == [width // 4, width // 2, width, width]


def toy(config, weights):
    """Options that make any of the configs toy-sized."""
    cfg = Config.fromfile(FOLDER / config)
    size = f'({SIDE},{SIDE})'
    options = {
        'model.backbone.arch': 'tiny',
        'model.backbone.img_size': SIDE,
        'model.backbone.init_cfg.checkpoint': weights,
        'model.data_preprocessor.pad_size_divisor': SIDE,
        'train_dataloader.batch_size': 2,
        'optim_wrapper.accumulative_counts': 1,
        'model.roi_head.mask_head.conv_out_channels': 16,
        'model.roi_head.bbox_head.fc_out_channels': 32,
        'model.train_cfg.rpn_proposal.max_per_img': 50,
        'model.train_cfg.rcnn.sampler.num': 16,
        'model.test_cfg.rpn.max_per_img': 50,
        'model.test_cfg.rcnn.max_per_img': 10,
        # Four steps find nothing above the configs' thresholds.
        'model.test_cfg.rcnn.score_thr': 0.0,
        'train_cfg.max_epochs': 1,
        'train_cfg.val_interval': 1,
        'default_hooks.logger.interval': 1,
    }
    balanced = 'dataset.' if 'lvis' in config else ''
    inner = {
        'train': f'train_dataloader.dataset.{balanced}',
        'val': 'val_dataloader.dataset.',
        'test': 'test_dataloader.dataset.',
    }
    for split, dataset in inner.items():
        options[f'{split}_dataloader.num_workers'] = 0
        options[f'{split}_dataloader.persistent_workers'] = False
        resize = 1 if split != 'train' else 2
        options[f'{dataset}pipeline.{resize}.scale'] = size
    options[f'{inner["train"]}indices'] = 4
    if 'lvis' in config and 'vitdet' not in config:  # one of several scales
        scale = options.pop(f'{inner["train"]}pipeline.2.scale')
        options[f'{inner["train"]}pipeline.2.scales'] = f'[{scale}]'
    if 'vitdet' in config:
        options[f'{inner["train"]}pipeline.3.crop_size'] = size
        options['model.neck.in_channels'] = 192
        options['model.roi_head.bbox_head.conv_out_channels'] = 16
    else:
        options['model.neck.in_channels'] = '[48,96,192,192]'
    assert cfg.model.backbone.img_size != SIDE
    return ['--cfg-options', *(f'{k}={v}' for k, v in options.items())]


def argv(config, weights, shared, tmp_path, *more):
    data = ['--data', str(data_of(config, shared, tmp_path))]
    return [
        str(FOLDER / config),
        *('--work-dir', str(tmp_path)),
        *data,
        *more,
        *toy(config, weights),
    ]


# The others change sizes only; one of each kind by default.
BY_DEFAULT = [PLAIN, VITDET]


@pytest.mark.parametrize(
    'config',
    [
        pytest.param(c, marks=[] if c in BY_DEFAULT else pytest.mark.slow)
        for c in CONFIGS
    ],
)
def test_trains_measures_and_resumes(config, weights, shared, tmp_path):
    train = tool('train')
    train.main(argv(config, weights, shared, tmp_path))
    more = argv(config, weights, shared, tmp_path, '--resume')
    train.main([*more, 'train_cfg.max_epochs=2'])
    losses = values(tmp_path, 'loss')
    assert len(losses) >= 4  # half of them after resuming
    assert all(map(math.isfinite, losses))
    prefix = 'lvis' if 'lvis' in config else 'coco'
    for kind in ('bbox', 'segm'):
        scores = values(tmp_path, f'{prefix}/{kind}_AP')
        scores = scores or values(tmp_path, f'{prefix}/{kind}_mAP')
        assert len(scores) == 2
        assert all(0 <= score <= 1 for score in scores)
    assert torch.load(tmp_path / 'epoch_2.pth')['meta']['epoch'] == 2


def test_mmdet_own_tools_train_and_test_it(
    weights, shared, tmp_path, monkeypatch
):
    data = data_of(PLAIN, shared, tmp_path)
    own = [
        f'{split}_dataloader.dataset.data_root={data}'
        for split in ('train', 'val', 'test')
    ]
    for split in ('train', 'val'):
        path = data / f'annotations/instances_{split}2017.json'
        own.append(f'{split}_dataloader.dataset.ann_file={path}')
    for evaluator in ('val', 'test'):
        own.append(f'{evaluator}_evaluator.ann_file={path}')
    own.append(f'test_dataloader.dataset.ann_file={path}')
    options = [str(FOLDER / PLAIN), '--work-dir', str(tmp_path)]
    options += [*toy(PLAIN, weights), *own]
    run_stock('mmdet', 'train', options, monkeypatch)
    assert len(values(tmp_path, 'loss')) == 2
    options.insert(1, str(tmp_path / 'epoch_1.pth'))
    run_stock('mmdet', 'test', options, monkeypatch)
    assert 0 <= values(tmp_path, 'coco/bbox_mAP')[-1] <= 1


@pytest.mark.slow
def test_lvis_reports_rare_common_and_frequent(weights, shared, tmp_path):
    """The numbers of an evaluation after training, by tools/test.py."""
    config = 'siameseim_vitb_vitdet_mask-rcnn_8xb8-lsj-100e_lvis-v1.py'
    train = argv(config, weights, shared, tmp_path)
    tool('train').main(train)
    checkpoint = str(tmp_path / 'epoch_1.pth')
    scores = tool('test').main([train[0], checkpoint, *train[1:]])
    for kind in ('bbox', 'segm'):
        assert 0 <= scores[f'lvis/{kind}_AP'] <= 1
        assert 0 <= scores[f'lvis/{kind}_APf'] <= 1
        assert 0 <= scores[f'lvis/{kind}_APc'] <= 1
        # no image has an instance of a rare class
        assert scores[f'lvis/{kind}_APr'] == -1


@pytest.mark.slow
def test_two_processes_train_and_find_what_one_finds(
    weights, shared, tmp_path
):
    """The same weights, tested by two processes and by one."""
    options = argv(VITDET, weights, shared, tmp_path)
    options.append('train_dataloader.batch_size=1')
    train_in_two(options)
    losses = values(tmp_path, 'loss')
    assert len(losses) == 2  # 4 images, one in each process
    assert all(map(math.isfinite, losses))
    found = []
    for processes in (1, 2):
        prefix = tmp_path / f'found_{processes}'
        path = f'test_evaluator.outfile_prefix={prefix}'
        scores = scores_of(options, tmp_path / 'epoch_1.pth', processes, path)
        assert scores['coco/bbox_mAP'] == values(tmp_path, 'coco/bbox_mAP')[0]
        boxes = json.loads(prefix.with_suffix('.bbox.json').read_text())
        found.append(sorted(boxes, key=lambda b: (b['image_id'], b['bbox'])))
    assert len({box['image_id'] for box in found[0]}) == 4
    assert found[0] == found[1]
