"""Every classification config learns, measures and resumes on real images."""

import math

import pytest
import torch

from tests.transfer_fixtures import ROOT, tool, values

FOLDER = ROOT / 'configs/classification'
CONFIGS = sorted(path.name for path in FOLDER.glob('*.py'))
FINETUNE = 'siameseim_vitb_finetune_8xb128-100e_in1k.py'
LINEAR = 'siameseim_vitb_linear_8xb2048-90e_in1k.py'


def toy(config, weights):
    """Options that make any of the configs toy-sized."""
    options = {
        'model.backbone.arch': 'tiny',
        'model.backbone.img_size': 32,
        'model.backbone.init_cfg.checkpoint': weights,
        'model.head.in_channels': 192,
        'train_dataloader.batch_size': 16,
        'train_cfg.max_epochs': 1,
        'default_hooks.logger.interval': 1,
    }
    if 'linear' in config:
        options['model.neck.input_features'] = 192
    crop = 0 if 'cifar' in config else 1
    options[f'train_dataloader.dataset.pipeline.{crop}.scale'] = 32
    for split in ('val', 'test'):
        steps = f'{split}_dataloader.dataset.pipeline'
        if 'cifar' in config:
            options[f'{steps}.0.scale'] = '(32,32)'
        else:
            options[f'{steps}.1.scale'] = 36
            options[f'{steps}.2.crop_size'] = 32
    for split in ('train', 'val', 'test'):
        options[f'{split}_dataloader.num_workers'] = 0
    return ['--cfg-options', *(f'{k}={v}' for k, v in options.items())]


def argv(config, weights, data, tmp_path, *more):
    return [
        str(FOLDER / config),
        *('--data', str(data), '--work-dir', str(tmp_path), *more),
        *toy(config, weights),
    ]


# ViT-L changes sizes only; CIFAR-10 is learnt by the linear probe.
@pytest.mark.parametrize(
    'config',
    [
        pytest.param(
            c,
            marks=pytest.mark.slow
            if 'vitl' in c or 'finetune_8xb128-100e_cifar' in c
            else [],
        )
        for c in CONFIGS
    ],
)
def test_trains_measures_and_resumes(
    config, weights, shared, imagenette, cifar10, tmp_path
):
    data = imagenette
    if 'food101' in config:
        data = shared / 'data/food_mini'
    elif 'cifar10' in config:
        data = cifar10
    more = (
        ['train_dataloader.dataset.indices=40',
         'val_dataloader.dataset.indices=20']
        if 'food101' in config
        else []
    )  # fmt: skip
    options = argv(config, weights, data, tmp_path)
    tool('train').main([*options, *more])
    resumed = argv(config, weights, data, tmp_path, '--resume')
    tool('train').main([*resumed, *more, 'train_cfg.max_epochs=2'])
    losses = values(tmp_path, 'loss')
    assert losses and all(map(math.isfinite, losses))
    scores = values(tmp_path, 'accuracy/top1')
    assert len(scores) == 2  # one before, one after resuming
    state = torch.load(tmp_path / 'epoch_2.pth')
    assert state['meta']['epoch'] == 2
    classes = 101 if 'food101' in config else 10
    assert state['state_dict']['head.fc.weight'].shape == (classes, 192)


def test_the_frozen_backbone_stays_and_the_head_learns(
    weights, imagenette, tmp_path
):
    tool('train').main(argv(LINEAR, weights, imagenette, tmp_path))
    state = torch.load(tmp_path / 'epoch_1.pth')['state_dict']
    before = torch.load(weights)
    for name, tensor in before.items():
        if name == 'pos_embed':
            continue  # a formula, computed for the smaller grid
        assert torch.equal(state[f'backbone.{name}'], tensor), name
    assert (state['backbone.ln2.weight'] == 1).all()
    assert int(state['neck.bn.num_batches_tracked']) == 5  # 80 // 16
    assert state['head.fc.bias'].abs().max() > 0


def test_it_tests_without_training_data_and_draws(
    weights, imagenette, tmp_path
):
    tool('train').main(argv(FINETUNE, weights, imagenette, tmp_path / 'run'))
    checkpoint = str(tmp_path / 'run/epoch_1.pth')
    only_val = tmp_path / 'data'
    only_val.mkdir()
    (only_val / 'val').symlink_to(imagenette / 'val')
    options = argv(FINETUNE, weights, only_val, tmp_path / 'test')
    scores = tool('test').main([options[0], checkpoint, *options[1:]])
    logged = values(tmp_path / 'run', 'accuracy/top1')[-1]
    assert scores['accuracy/top1'] == pytest.approx(logged)

    config = tmp_path / 'toy.py'
    config.write_text(
        f'_base_ = [{str(FOLDER / FINETUNE)!r}]\n'
        "model = dict(backbone=dict(arch='tiny', img_size=32),"
        ' head=dict(in_channels=192))\n'
    )
    images = imagenette / 'val/n01440764'
    files = tool('predict').main(
        [str(config), checkpoint, str(images), '--out', str(tmp_path / 'p'),
         '--device', 'cpu']
    )  # fmt: skip
    assert len(files) == 8
    assert all(file.is_file() for file in files)
