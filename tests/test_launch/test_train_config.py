"""Fitting a config to the machine."""

import re
from pathlib import Path

import pytest
from mmengine.config import Config, ConfigDict
from mmpretrain.registry import DATASETS
from PIL import Image

from siameseim.errors import InputError
from siameseim.launch import learning_rate, train_config

OMPI = 'OMPI_COMM_WORLD_LOCAL_SIZE'


@pytest.mark.parametrize(
    ('batch', 'accumulation', 'said'),
    [
        (0, 1, 'train_dataloader.batch_size=0'),
        ('64x', 1, "train_dataloader.batch_size='64x'"),
        (4, 0, 'optim_wrapper.accumulative_counts=0'),
    ],
)
def test_a_batch_that_is_none_is_named(batch, accumulation, said):
    cfg = Config(
        dict(
            train_dataloader=dict(batch_size=batch),
            optim_wrapper=dict(accumulative_counts=accumulation),
        )
    )
    with pytest.raises(InputError, match=f'{said} must be a whole number'):
        learning_rate.scale_learning_rate(cfg, 1)


@pytest.mark.parametrize('seed', [None, -1, 2**32, 1.5, '7'])
def test_a_seed_that_is_none_names_the_option(seed):
    loader = dict(dataset=dict(seed=0))
    cfg = Config(dict(randomness=dict(seed=seed), train_dataloader=loader))
    with pytest.raises(InputError, match=f'seed={seed!r} .* give --seed'):
        train_config.set_seed(cfg, None)
    train_config.set_seed(cfg, 5)
    assert cfg.randomness.seed == cfg.train_dataloader.dataset.seed == 5


def test_a_config_without_any_seed_names_the_option():
    cfg = Config(dict(randomness=None, train_dataloader=dict(dataset={})))
    with pytest.raises(InputError, match='seed=None .* give --seed'):
        train_config.set_seed(cfg, None)


@pytest.mark.parametrize(
    ('cores', 'variables', 'workers'),
    [
        (64, {}, 8),
        (8, {}, 1),  # shared
        (8, {'SLURM_CPUS_PER_TASK': 8}, 8),  # bound: nobody shares them
        (8, {'SLURM_CPUS_PER_TASK': 7}, 7),  # bound to whole cores
        (64, {'SLURM_CPUS_PER_TASK': 8}, 8),  # not bound
        # one task, in which torchrun or mpirun started all eight
        (64, {'SLURM_CPUS_PER_TASK': 64, 'LOCAL_WORLD_SIZE': 8}, 8),
        (64, {'SLURM_CPUS_PER_TASK': 64, OMPI: 8}, 8),
    ],
)
def test_loader_workers_of_eight_processes(
    monkeypatch, cores, variables, workers
):
    monkeypatch.setattr('siameseim.launch.cores.usable_cores', lambda: cores)
    for name in ('SLURM_CPUS_PER_TASK', 'LOCAL_WORLD_SIZE', OMPI):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, str(value))
    loader = ConfigDict(num_workers=16)
    train_config.fit_loader(loader, processes=8)
    assert loader.num_workers == workers


def test_settings_of_the_data_set_are_of_the_data_given(tmp_path):
    for number in range(5):
        Image.new('RGB', (8, 8)).save(tmp_path / f'{number}.png')
    before = dict(type='CIFAR10', data_root='elsewhere')
    cfg = Config(dict(train_dataloader=dict(dataset=dict(dataset=before))))
    options = {
        'train_dataloader.dataset.dataset.indices': 3,
        'train_dataloader.batch_size': 2,
    }
    train_config.set_data(cfg, str(tmp_path), options)
    images = DATASETS.build(cfg.train_dataloader.dataset.dataset)
    names = [Path(image['img_path']).name for image in images]
    assert names == ['0.png', '1.png', '2.png']
    assert 'batch_size' not in cfg.train_dataloader


def test_a_pipeline_set_in_its_place_is_that_of_the_run(tmp_path):
    """Also in the config that a run with other options dumped."""
    base = Path(__file__).parents[2] / 'configs/siameseim_smoke.py'
    place = "train_dataloader = dict(dataset=dict(pipeline=[dict(type='A')]))"
    own, dumped = tmp_path / 'own.py', tmp_path / 'dumped.py'
    own.write_text(f'_base_ = [{str(base)!r}]\n{place}\n')
    Config.fromfile(own).dump(dumped)
    for file in (own, dumped):
        cfg = Config.fromfile(file)
        assert cfg.train_pipeline != cfg.train_dataloader.dataset.pipeline
        train_config.check_pipeline(cfg)


def test_a_config_is_read_as_utf8(tmp_path, no_utf8_locale):
    base = Path(__file__).parents[2] / 'configs/siameseim_smoke.py'
    own = tmp_path / 'own.py'
    own.write_text(f'# größer\n_base_ = [{str(base)!r}]\n', 'utf-8')
    train_config.check_pipeline(Config.fromfile(own))


def run_of(epochs, schedule):
    return Config(
        dict(train_cfg=dict(max_epochs=epochs), param_scheduler=schedule)
    )


def test_the_warm_up_keeps_its_share():
    cfg = run_of(200, dict(type='WarmupCosineLR', warmup=40))
    train_config.set_epochs(cfg, 50)
    assert cfg.train_cfg.max_epochs == 50
    assert cfg.param_scheduler.warmup == pytest.approx(10)


STOCK = [
    [dict(type='LinearLR', end=2), dict(type='CosineAnnealingLR', begin=2)],
    dict(type='CosineAnnealingLR', T_max=8),
    None,
]


@pytest.mark.parametrize('schedule', STOCK)
def test_another_schedule_is_left_as_it_is_or_refused(schedule):
    cfg = run_of(8, schedule)
    train_config.set_epochs(cfg, None)
    assert cfg.to_dict() == run_of(8, schedule).to_dict()
    with pytest.raises(InputError, match='--epochs 3 cannot fit'):
        train_config.set_epochs(cfg, 3)


@pytest.mark.parametrize(
    ('cfg', 'named'),
    [
        (run_of(0, None), 'train_cfg.max_epochs 0 trains nothing'),
        (Config(dict(train_cfg=dict(max_iters=9))), 'max_epochs None'),
        (run_of(3, dict(warmup=3)), 'a warm-up of 3 epochs does not fit'),
    ],
)
def test_a_run_without_an_epoch_to_train_is_refused(cfg, named):
    with pytest.raises(InputError, match=named):
        train_config.set_epochs(cfg, None)


@pytest.mark.parametrize(
    ('size', 'photometric', 'told'),
    [
        (64, dict(blur_prob=1.0), '64 pixels .* up to 2 pixels, 3.5 times'),
        ((128, 96), dict(blur_prob=0.1), '96 .* 2.3 times .*=\\(0.1, 0.86'),
        (64, dict(blur_prob=1.0, blur_sigma=(0.1, 0.57)), None),
        (64, dict(), None),  # no blur
        (128, dict(blur_prob=1.0), None),  # less than twice
    ],
)
def test_a_blur_made_for_larger_views_is_told(size, photometric, told):
    pipeline = [
        dict(type='TwoViews', size=size),
        dict(type='ViewPhotometric', view=1, **photometric),
    ]
    cfg = Config(dict(train_dataloader=dict(dataset=dict(pipeline=pipeline))))
    note = train_config.wide_blur(cfg)
    assert note is None if told is None else re.search(told, note)


def test_a_pipeline_of_other_parts_has_no_blur_to_tell_of():
    other = [dict(type='ViewPhotometric', view=1, blur_prob=1.0)]
    cfg = Config(dict(train_dataloader=dict(dataset=dict(pipeline=other))))
    assert train_config.wide_blur(cfg) is None
