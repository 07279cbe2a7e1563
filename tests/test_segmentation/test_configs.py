"""Every segmentation config learns, measures and resumes on real images."""

import json
import math

import numpy as np
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

pytest.importorskip('mmseg')
FOLDER = ROOT / 'configs/segmentation'
CONFIGS = sorted(path.name for path in FOLDER.glob('*vit?_*.py'))
UPERNET_ADE = 'siameseim_vitb_upernet_8xb2-160k_ade20k-512x512.py'


def data_of(config, shared):
    name = 'cityscapes' if 'cityscapes' in config else 'ade20k'
    return shared / 'data' / f'{name}_mini'


@pytest.mark.parametrize('config', CONFIGS)
def test_neck_and_heads_are_as_wide_as_the_backbone(config):
    model = Config.fromfile(FOLDER / config).model
    width = width_of(model.backbone)
    heads = [model.decode_head.in_channels]
    if 'neck' in model:
        heads += [model.neck.embed_dim, model.auxiliary_head.in_channels]
    assert {n for head in heads for n in np.atleast_1d(head)} == {width}


def toy(config, weights, data):
    """Options that make any of the configs toy-sized."""
    options = {
        'model.backbone.arch': 'tiny',
        'model.backbone.img_size': 64,
        'model.backbone.init_cfg.checkpoint': weights,
        'model.data_preprocessor.size': '(64,64)',
        'model.test_cfg.crop_size': '(64,64)',
        'model.test_cfg.stride': '(48,48)',
        'train_dataloader.batch_size': 2,
        'train_dataloader.dataset.pipeline.2.scale': '(256,64)',
        'train_dataloader.dataset.pipeline.3.crop_size': '(64,64)',
        'val_dataloader.dataset.pipeline.1.scale': '(256,64)',
        'val_dataloader.dataset.indices': 2,
        'test_dataloader.dataset.pipeline.1.scale': '(256,64)',
        'test_dataloader.dataset.indices': 2,
        'train_cfg.max_iters': 2,
        'train_cfg.val_interval': 2,
        'default_hooks.checkpoint.interval': 2,
        'default_hooks.logger.interval': 1,
    }
    for split in ('train', 'val', 'test'):
        options[f'{split}_dataloader.num_workers'] = 0
        options[f'{split}_dataloader.persistent_workers'] = False
        options[f'{split}_dataloader.dataset.data_root'] = data
    if 'upernet' in config:
        options |= {
            'model.neck.embed_dim': 192,
            'model.decode_head.in_channels': '[192,192,192,192]',
            'model.decode_head.channels': 32,
            'model.auxiliary_head.in_channels': 192,
            'model.auxiliary_head.channels': 16,
        }
    else:
        options['model.decode_head.in_channels'] = 192
        options['model.decode_head.channels'] = 192
    return ['--cfg-options', *(f'{k}={v}' for k, v in options.items())]


def argv(config, weights, shared, tmp_path, *more):
    options = toy(config, weights, data_of(config, shared))
    return [str(FOLDER / config), '--work-dir', str(tmp_path), *more, *options]


# Other networks than ViT-B change sizes only, Cityscapes the data.
@pytest.mark.parametrize(
    'config',
    [
        pytest.param(
            c, marks=[] if 'vitb' in c and 'ade' in c else pytest.mark.slow
        )
        for c in CONFIGS
    ],
)
def test_trains_measures_and_resumes(config, weights, shared, tmp_path):
    train = tool('train')
    train.main(argv(config, weights, shared, tmp_path))
    more = argv(config, weights, shared, tmp_path, '--resume')
    train.main([*more, 'train_cfg.max_iters=4'])
    losses = values(tmp_path, 'loss')
    assert len(losses) == 4  # two before, two after resuming
    assert all(map(math.isfinite, losses))
    scores = values(tmp_path, 'mIoU')
    assert len(scores) == 2
    assert all(0 <= score <= 100 for score in scores)
    state = torch.load(tmp_path / 'iter_4.pth')
    assert state['meta']['iter'] == 4


def test_the_frozen_backbone_stays_and_the_head_learns(
    weights, shared, tmp_path
):
    config = 'siameseim_vitb_linear_8xb2-40k_ade20k-512x512.py'
    tool('train').main(argv(config, weights, shared, tmp_path))
    state = torch.load(tmp_path / 'iter_2.pth')['state_dict']
    before = torch.load(weights)
    before = before.get('state_dict', before)
    assert len(before) > 100
    for name, tensor in before.items():
        assert torch.equal(state[f'backbone.{name}'], tensor), name
    assert int(state['decode_head.norm.num_batches_tracked']) == 2


def test_mmseg_own_tools_train_and_test_it(
    weights, shared, tmp_path, monkeypatch
):
    options = argv(UPERNET_ADE, weights, shared, tmp_path)
    run_stock('mmseg', 'train', options, monkeypatch)
    assert len(values(tmp_path, 'loss')) == 2
    checkpoint = str(tmp_path / 'iter_2.pth')
    options.insert(1, checkpoint)
    run_stock('mmseg', 'test', options, monkeypatch)
    assert 0 <= values(tmp_path, 'mIoU')[-1] <= 100


def test_scales_and_flips_keep_the_padding_of_the_model(shared, tmp_path):
    """The runner gives what is tested the preprocessor of the whole config."""
    checkpoint = tmp_path / 'iter_2.pth'
    checkpoint.touch()
    config = FOLDER / 'siameseim_overfit_1xb4-250_ade20k-8.py'
    test = tool('test')
    args = test.parse_args(
        [
            *(str(config), str(checkpoint), '--tta'),
            *('--data', str(shared / 'data/ade20k_mini')),
            *('--work-dir', str(tmp_path)),
        ]
    )
    assert test.load_config(args).data_preprocessor.test_cfg.size_divisor == 8


@pytest.mark.slow
def test_several_scales_and_flips(weights, shared, tmp_path):
    options = argv(UPERNET_ADE, weights, shared, tmp_path)
    tool('train').main(options)
    scales = [
        f'tta_pipeline.1.transforms.0.{i}.scale=({256 + 16 * i},{64 + 4 * i})'
        for i in range(6)
    ]
    checkpoint = str(tmp_path / 'iter_2.pth')
    out = tmp_path / 'scores.json'
    scores = tool('test').main(
        [
            options[0],
            checkpoint,
            *('--tta', '--out', str(out)),
            *options[1:],
            'test_dataloader.dataset.indices=1',
            *scales,
        ]
    )
    assert 0 <= scores['mIoU'] <= 100
    assert json.loads(out.read_text()) == scores


@pytest.mark.slow
def test_two_processes_train_and_measure_what_one_measures(
    weights, shared, tmp_path
):
    """The same weights, tested by two processes and by one."""
    options = argv(UPERNET_ADE, weights, shared, tmp_path)
    options += [f'{s}_dataloader.dataset.indices=5' for s in ('val', 'test')]
    # Steps large enough that the head names classes of the training images:
    # an untrained one may name only such as the five images lack.
    options += ['randomness.seed=0', 'optim_wrapper.optimizer.lr=1e-2']
    options += ['param_scheduler.0.start_factor=1.0']
    train_in_two(options)
    losses = values(tmp_path, 'loss')
    assert len(losses) == 2
    assert all(map(math.isfinite, losses))
    trained = {name: values(tmp_path, name)[0] for name in ('mIoU', 'aAcc')}
    assert trained['aAcc'] > 0
    for processes in (1, 2):
        scores = scores_of(options, tmp_path / 'iter_2.pth', processes)
        assert {name: scores[name] for name in trained} == trained
