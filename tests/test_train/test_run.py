"""A run from the command line to the checkpoint, and again."""

import shutil
import signal

import pytest
import torch
from mmengine.config import Config
from torch.testing import assert_close

from siameseim.errors import InputError
from siameseim.launch.learning_rate import scale_learning_rate
from tests.transfer_fixtures import ROOT, logged


def checkpoint(folder, name):
    return torch.load(folder / name, weights_only=True)


def stop_after(iteration):
    """Text of a config whose run gets SIGTERM then."""
    hook = f"dict(type='TerminateAfter', iteration={iteration})"
    return f'custom_hooks = [*_base_.custom_hooks, {hook}]\n'


def test_a_checkpoint_is_read_without_this_library(start):
    """Whose import lets torch read NumPy's numbers too."""
    file = start() / 'epoch_2.pth'
    allowed = torch.serialization.get_safe_globals()
    torch.serialization.clear_safe_globals()
    try:
        torch.load(file, weights_only=True)
    finally:
        torch.serialization.add_safe_globals(allowed)


def test_a_run_leaves_checkpoint_json_and_tensorboard(start):
    work = start()
    assert checkpoint(work, 'epoch_2.pth')['meta']['iter'] == 12
    assert list(work.glob('*/vis_data/events.out.tfevents*'))
    last = logged(work)[-1]
    assert last['iter'] == 12
    wanted = {
        *('loss', 'loss_pos', 'loss_neg', 'lr', 'momentum', 'grad_norm'),
        *('images_per_second', 'tflops', 'data_share', 'memory', 'time'),
    }
    assert wanted <= last.keys()


def test_labels_beside_the_images_are_pointed_at(start, images, tmp_path):
    for split in ('train', 'val'):
        shutil.copytree(images, tmp_path / 'data' / split)
    root = tmp_path / 'data'
    work = start('log_level = "INFO"\n', data=root / 'train')
    text = ''.join(path.read_text() for path in work.glob('*/*.log'))
    assert f'--knn {root} measures k-NN accuracy' in text


ON_DEVICE = """
train_pipeline = _base_.train_pipeline
train_pipeline[1]['on_device'] = True
train_pipeline[2]['on_device'] = True
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
"""


@pytest.mark.parametrize(
    ('iteration', 'name', 'colours'),
    [
        (6, 'epoch_1.pth', ''),
        (9, 'iter_9.pth', ''),
        (9, 'iter_9.pth', ON_DEVICE),
    ],
)
def test_resume_of_the_true_model_is_bitwise(
    start, told, tmp_path, iteration, name, colours
):
    """As the user does it: a signal, then the same command and --resume."""
    if colours == ON_DEVICE:
        pytest.importorskip('kornia')
    straight = checkpoint(start(colours, work='straight'), 'epoch_2.pth')
    status = told(colours + stop_after(iteration), work='cut')
    assert status == str(128 + signal.SIGTERM)
    assert (tmp_path / 'cut' / name).is_file()
    cut = start(colours, '--resume', work='cut')
    assert logged(cut)[-1]['iter'] == 12
    resumed = checkpoint(cut, 'epoch_2.pth')
    for part in ('state_dict', 'optimizer'):
        assert_close(resumed[part], straight[part], rtol=0, atol=0)


@pytest.mark.gpu
def test_train_and_resume_on_a_gpu(start, told):
    told(stop_after(9))
    saved = checkpoint(start('', '--resume'), 'epoch_2.pth')
    assert saved['meta']['iter'] == 12
    assert 'cuda' in saved['exact_resume']['rng'][0]
    assert all(
        value.isfinite().all() for value in saved['state_dict'].values()
    )


def test_resume_without_a_checkpoint_starts_anew(start):
    assert (start('', '--resume') / 'epoch_2.pth').is_file()


def test_a_resume_needs_no_weights_that_its_run_started_from(start):
    weights = start('', '--epochs', 1, work='first') / 'epoch_1.pth'
    init = dict(type='Pretrained', checkpoint=str(weights))
    text = (
        f'log_level = "INFO"\nmodel = dict(backbone=dict(init_cfg={init}))\n'
    )
    start(text, '--epochs', 1)
    weights.unlink()
    work = start(text, '--epochs', 1, '--resume')
    assert 'does not exist: all weights are those' in ''.join(
        log.read_text() for log in work.glob('*/*.log')
    )


def test_a_resume_with_another_rate_says_so(start):
    def said() -> str:
        """All logs."""
        return ''.join(log.read_text() for log in work.glob('*/*.log'))

    work = start('', '--epochs', 1)
    start('', '--epochs', 1, '--resume')
    assert 'other settings' not in said()  # resumed as it was
    changed = ('--cfg-options', 'optim_wrapper.optimizer.lr=0.25')
    start('', '--epochs', 1, '--resume', *changed)
    assert 'optim_wrapper.optimizer.lr was ' in said()


def test_a_resume_with_nothing_left_to_do_leaves_no_config(start):
    """The folder goes on telling with which config its run was trained."""
    work = start('', '--epochs', 1)
    (copy,) = work.glob('*.py')
    start('log_level = "ERROR"', '--epochs', 1, '--resume')
    assert [*work.glob('*.py')] == [copy]


def test_a_shorter_run_warms_up_for_the_same_share(
    train, images, config, tmp_path
):
    args = train.parse_args(
        [config(), '--data', str(images), '--work-dir', str(tmp_path)]
        + ['--epochs', '4']
    )
    cfg = train.build_runner(args).cfg  # stated: 1 of 2 epochs
    assert cfg.train_cfg.max_epochs == 4
    assert cfg.param_scheduler.warmup == 2


def test_learning_rate_scales_with_the_true_global_batch():
    """64 images on 8 processes, 4 times accumulated, make half of 4096."""
    cfg = Config.fromfile(ROOT / 'configs/siameseim_vitb_pretrain.py')
    cfg.train_dataloader.batch_size = 64
    cfg.optim_wrapper.accumulative_counts = 4
    text = scale_learning_rate(cfg, world_size=8)
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(0.5e-3)
    assert '2048 = 64 images x 8 processes x 4 accumulated' in text


def test_learning_rate_scales_with_the_root_if_told():
    """A 16th of 4096 images asks for a quarter of the rate."""
    cfg = Config.fromfile(ROOT / 'configs/siameseim_vitb_pretrain.py')
    cfg.train_dataloader.batch_size = 256
    cfg.auto_scale_lr.rule = 'sqrt'
    text = scale_learning_rate(cfg, world_size=1)
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(0.25e-3)
    assert text.startswith('global batch 256 = 256 images; learning rate')
    assert 'the root of 256 / 4096' in text


@pytest.mark.parametrize(
    ('batch', 'rule', 'asked'),
    [(256, 'linear', True), (512, 'linear', False), (64, 'sqrt', False)],
)
def test_a_rate_far_below_the_stated_one_is_questioned(batch, rule, asked):
    """From a 16th of 4096 images on."""
    cfg = Config.fromfile(ROOT / 'configs/siameseim_vitb_pretrain.py')
    cfg.train_dataloader.batch_size = batch
    cfg.auto_scale_lr.rule = rule
    text = scale_learning_rate(cfg, world_size=1)
    assert ('auto_scale_lr.rule=sqrt' in text) == asked


def test_an_unknown_rule_is_refused():
    cfg = Config.fromfile(ROOT / 'configs/siameseim_vitb_pretrain.py')
    cfg.auto_scale_lr.rule = 'root'
    with pytest.raises(InputError, match="'linear' or 'sqrt'"):
        scale_learning_rate(cfg, world_size=1)


def test_learning_rate_is_not_scaled_twice():
    cfg = Config.fromfile(ROOT / 'configs/siameseim_vitb_pretrain.py')
    scale_learning_rate(cfg, world_size=4)
    scale_learning_rate(cfg, world_size=4)
    assert cfg.optim_wrapper.optimizer.lr == pytest.approx(0.5e-3)


def test_seed_reaches_weights_order_and_views(train, images, config, tmp_path):
    args = train.parse_args(
        [config(), '--data', str(images), '--work-dir', str(tmp_path)]
        + ['--seed', '5']
    )
    runner = train.build_runner(args)
    loader = runner.train_dataloader
    assert (runner.seed, loader.sampler.seed, loader.dataset.seed) == (5,) * 3
