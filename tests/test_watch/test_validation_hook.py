"""The loss on images that are not trained on."""

import shutil
from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import default_collate
from mmengine.logging import MessageHub, MMLogger
from mmpretrain.registry import DATASETS, MODELS

from siameseim.datasets.data_source import data_source
from siameseim.errors import InputError
from siameseim.watch import ValidationHook
from tests.test_train.conftest import SMOKE
from tests.transfer_fixtures import logged
from tests.two_processes import run_in_two


@pytest.fixture
def images(colours):
    """What `start` trains on."""
    return colours / 'train'


def settings(colours, budget=None, **more):
    data = str(colours / 'val')
    validation = dict(data=data, images=8, budget=budget, **more)
    return f'default_hooks = dict(validation={validation})\n'


def measured(work):
    return [line for line in logged(work) if 'val_loss' in line]


def run_of(data, world=1):
    """As much of a run of four images a step as the hook asks for."""
    cfg = Config.fromfile(SMOKE)
    cfg.train_dataloader.dataset.dataset = data_source(str(data))
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    model.update_target(0.9)
    # as after a step: the target is behind
    model.backbone.layers[0].ln1.bias.data.add_(0.5)
    return SimpleNamespace(
        cfg=cfg,
        model=model,
        iter=1,
        message_hub=MessageHub('validation'),
        logger=MMLogger.get_instance('validation'),
        train_dataloader=SimpleNamespace(
            batch_size=4 // world, collate_fn=default_collate
        ),
        optim_wrapper=SimpleNamespace(autocast=nullcontext),
    )


def scores_of(data, world=1):
    """Scores of eight images in batches of four."""
    runner = run_of(data, world)
    hook = ValidationHook(str(data), images=8)
    hook.before_train(runner)
    return hook.measure(runner)


def test_the_loss_is_that_of_whole_batches_in_train_mode(colours):
    runner = run_of(colours / 'val')
    dataset = DATASETS.build(runner.cfg.train_dataloader.dataset)
    # eight of 26, from the first to the last
    chosen = [0, 3, 7, 10, 14, 17, 21, 25]
    losses = []
    for part in (chosen[:4], chosen[4:]):
        batch = default_collate([dataset[i] for i in part])
        data = runner.model.train().data_preprocessor(batch, True)
        terms = runner.model.loss(**data)
        losses.append(terms['loss_pos'] + terms['loss_neg'])
    found = scores_of(colours / 'val')
    assert found['loss'] == pytest.approx(sum(losses).item() / 2, rel=1e-5)
    assert found.keys() == {'loss', 'loss_pos', 'loss_neg', 'found_image'}


def test_the_loss_is_measured_in_the_arithmetic_of_the_run(colours):
    runner = run_of(colours / 'val')
    runner.optim_wrapper.autocast = partial(
        torch.autocast, 'cpu', torch.bfloat16
    )
    hook = ValidationHook(str(colours / 'val'), images=8)
    hook.before_train(runner)
    found, exact = hook.measure(runner), scores_of(colours / 'val')
    assert found['loss'] != exact['loss']
    assert found['loss'] == pytest.approx(exact['loss'], rel=0.05)


def in_part(rank, data):
    return scores_of(data, world=2)


def test_two_processes_measure_the_batches_of_one(colours):
    whole = scores_of(colours / 'val')
    for part in run_in_two(in_part, colours / 'val'):
        for name in ('loss', 'loss_pos', 'loss_neg'):
            assert part[name] == pytest.approx(whole[name], rel=1e-4)


def refusal(rank, *folders):
    try:
        scores_of(folders[rank], world=2)
    except InputError as error:
        return str(error)


def test_processes_that_see_other_numbers_of_images_are_refused(colours):
    """They would take other numbers of steps, and meet in different ones."""
    folders = colours / 'val', next((colours / 'val').iterdir())
    for message in run_in_two(refusal, *folders):
        assert 'number of images to validate on is [26, 13] on' in message


def test_processes_that_see_other_images_are_refused(colours, tmp_path):
    """As many of another folder, of which each would measure a share."""
    folder, other = next((colours / 'val').iterdir()), tmp_path / 'other'
    other.mkdir()
    for i, path in enumerate(sorted(folder.iterdir())):
        shutil.copy(path, other / f'other{i}{path.suffix}')
    for message in run_in_two(refusal, folder, other):
        assert 'names of those images, as a hash, is [' in message


def test_before_training_and_after_epochs(start, colours):
    lines = measured(start(settings(colours)))
    assert [line['step'] for line in lines] == [0, 6, 12]
    assert len({line['val_loss'] for line in lines}) == 3


def test_the_precision_is_chosen_once_for_steps_and_validation(start, colours):
    work = start(f'{settings(colours)}log_level = "INFO"')
    text = ''.join(log.read_text() for log in work.glob('*/*.log'))
    assert text.count('precision auto: ') == 1


def test_the_last_epoch_is_measured_whatever_the_interval(start, colours):
    lines = measured(start(settings(colours, interval=5)))
    assert [line['step'] for line in lines] == [0, 12]


@pytest.mark.parametrize(
    ('budget', 'steps'), [(1e-6, [0, 12]), (1e6, [0, 6, 12])]
)
def test_epochs_over_the_budget_are_left_out(start, colours, budget, steps):
    work = start(f'{settings(colours, budget=budget)}log_level = "INFO"')
    assert [line['step'] for line in measured(work)] == steps
    text = ''.join(log.read_text() for log in work.glob('*/*.log'))
    left_out = 6 not in steps
    assert ('validation left out after epoch 1: ' in text) == left_out
    assert ('s of training (default_hooks.validation' in text) == left_out


def test_dropped_paths_are_the_same_in_each_measurement(colours):
    runner = run_of(colours / 'val')
    runner.model.backbone.layers[-1].attn.out_drop.drop_prob = 0.5
    hook = ValidationHook(str(colours / 'val'), images=8)
    hook.before_train(runner)
    assert hook.measure(runner) == hook.measure(runner)


def test_data_that_cannot_be_read_are_named_with_the_option(told, tmp_path):
    (tmp_path / 'broken.tar').write_bytes(b'no archive')
    for name in ('broken.tar', 'nothing'):
        data = str(tmp_path / name)
        text = told(f'default_hooks = dict(validation=dict(data={data!r}))\n')
        assert text.startswith(
            f'error: default_hooks.validation.data={data}: '
        )


def test_one_image_is_too_few(told, colours, tmp_path):
    image = next((colours / 'val').rglob('*.png'))
    (tmp_path / 'one').mkdir()
    (tmp_path / 'one' / image.name).write_bytes(image.read_bytes())
    validation = dict(data=str(tmp_path / 'one'))
    text = told(f'default_hooks = dict(validation={validation})\n')
    assert text.startswith('error: default_hooks.validation.data=')
    assert 'give at least two' in text
