"""N steps = k steps + resume + N-k steps, bit for bit."""

import multiprocessing
import signal

import pytest
import torch
from mmpretrain.registry import MODELS

from siameseim.engine.worker_signals import end_workers
from siameseim.errors import InputError


def load(runner_or_dir, name):
    return torch.load(runner_or_dir / name, weights_only=True)


def flatten(value, path=''):
    """Leaves of nested dicts and lists by path."""
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list | tuple):
        items = enumerate(value)
    else:
        return {path: value}
    return {
        key: leaf
        for name, child in items
        for key, leaf in flatten(child, f'{path}/{name}').items()
    }


def assert_same_run(ours, theirs):
    """Weights, target, buffers, optimizer, schedule, random state."""
    for part in ('state_dict', 'optimizer', 'param_schedulers'):
        ours_flat, theirs_flat = flatten(ours[part]), flatten(theirs[part])
        assert ours_flat.keys() == theirs_flat.keys()
        for key, value in ours_flat.items():
            if isinstance(value, torch.Tensor):
                assert torch.equal(value, theirs_flat[key]), (part, key)
            else:
                assert value == theirs_flat[key], (part, key)
    for ours_rng, theirs_rng in zip(
        ours['exact_resume']['rng'], theirs['exact_resume']['rng'], strict=True
    ):
        for name, value in ours_rng.items():
            assert torch.equal(
                value.nan_to_num(), theirs_rng[name].nan_to_num()
            ), name


def interrupt(toy_run, iteration, **kwargs):
    hook = dict(type='InterruptAfter', iteration=iteration)
    with pytest.raises(SystemExit) as stop:
        toy_run('cut', hooks=[hook], **kwargs)
    assert stop.value.code == 128 + signal.SIGTERM


def resume(toy_run, checkpoint, **kwargs):
    def change(config):
        config.resume, config.load_from = True, str(checkpoint)

    return toy_run('cut', change=change, **kwargs)


@pytest.mark.parametrize('workers', [0, 2])
@pytest.mark.parametrize(
    ('iteration', 'name'), [(6, 'epoch_1.pth'), (9, 'iter_9.pth')]
)
def test_resume_is_bitwise(toy_run, tmp_path, workers, iteration, name):
    straight = toy_run('straight', workers=workers)
    interrupt(toy_run, iteration, workers=workers)
    resumed = resume(toy_run, tmp_path / 'cut' / name, workers=workers)
    assert resumed.model.seen == straight.model.seen[iteration:]
    assert_same_run(
        load(tmp_path / 'straight', 'epoch_3.pth'),
        load(tmp_path / 'cut', 'epoch_3.pth'),
    )


@pytest.mark.parametrize('stopped', [False, True])
def test_no_worker_outlives_a_run(toy_run, stopped):
    if stopped:
        interrupt(toy_run, 9, workers=2)
        assert multiprocessing.active_children() == []
        return
    run = toy_run('straight', workers=2)  # alive, and with it its loader
    assert multiprocessing.active_children() == []
    assert len(list(run.train_dataloader)) == len(run.train_dataloader)
    assert len(multiprocessing.active_children()) == 2
    end_workers(run.train_dataloader)


@pytest.mark.parametrize('iteration', [8, 6])
def test_an_interrupted_window_is_finished_first(toy_run, tmp_path, iteration):
    """4 iterations a step: a stop at 6, also an epoch's end, waits for 8."""
    straight = toy_run('straight', accumulation=4)
    interrupt(toy_run, iteration, accumulation=4)
    assert not (tmp_path / 'cut' / 'epoch_1.pth').exists()
    resumed = resume(toy_run, tmp_path / 'cut' / 'iter_8.pth', accumulation=4)
    assert resumed.model.seen == straight.model.seen[8:]
    assert_same_run(
        load(tmp_path / 'straight', 'epoch_3.pth'),
        load(tmp_path / 'cut', 'epoch_3.pth'),
    )


def test_a_checkpoint_can_be_resumed_twice(toy_run, tmp_path):
    interrupt(toy_run, 9)
    first = resume(toy_run, tmp_path / 'cut' / 'iter_9.pth')
    second = resume(toy_run, tmp_path / 'cut' / 'iter_9.pth')
    assert torch.equal(first.model.online.weight, second.model.online.weight)


def change_seed(config):
    config.randomness.seed = 4


def change_batch(config):
    config.train_dataloader.batch_size = 2


def change_accumulation(config):
    config.optim_wrapper.accumulative_counts = 3


@pytest.mark.parametrize(
    ('change', 'named'),
    [
        (change_seed, 'seed was 3, now is 4'),
        (change_batch, 'images per iteration was 4, now is 2'),
        (change_accumulation, 'accumulative_counts was 1, now is 3'),
    ],
)
def test_another_run_is_refused(toy_run, tmp_path, change, named):
    interrupt(toy_run, 9)

    def change_all(config):
        change(config)
        config.resume = True
        config.load_from = str(tmp_path / 'cut' / 'iter_9.pth')

    with pytest.raises(ValueError, match=named):
        toy_run('other', change=change_all)


def test_a_checkpoint_of_another_model_is_refused(toy_run, tmp_path):
    interrupt(toy_run, 9)
    path = tmp_path / 'cut' / 'iter_9.pth'
    saved = torch.load(path, weights_only=True)
    weights = saved['state_dict']
    weights['online.weight'] = weights['online.weight'][:1]
    torch.save(saved, path)
    with pytest.raises(InputError, match='online.weight is .1, 3. there'):
        resume(toy_run, path)


def test_weights_alone_can_be_loaded_into_another_run(toy_run, tmp_path):
    interrupt(toy_run, 9)

    def change(config):
        change_batch(config)
        config.load_from = str(tmp_path / 'cut' / 'iter_9.pth')

    assert toy_run('other', change=change).iter == 3 * 13


@pytest.mark.parametrize('lost', [0, 1])
def test_weights_that_a_run_starts_from_fit_or_are_refused(
    toy_run, tmp_path, lost
):
    state = MODELS.build(dict(type='ToyModel')).state_dict()  # 9 tensors
    file = tmp_path / 'weights.pth'
    torch.save(dict(list(state.items())[lost:]), file)

    def change(config):
        config.load_from, config.log_level = str(file), 'INFO'

    if lost:
        with pytest.raises(InputError, match='only 8 of 9 tensors from'):
            toy_run(change=change)
        return
    toy_run(change=change)
    (log,) = (tmp_path / 'run').glob('*/*.log')
    assert f'starts from 9 of 9 tensors from {file}' in log.read_text()


def test_a_finished_run_says_so(toy_run, tmp_path):
    toy_run('cut')

    def change(config):
        config.log_level = 'INFO'
        config.resume = True
        config.load_from = str(tmp_path / 'cut/epoch_3.pth')

    runner = toy_run('cut', change=change)
    assert runner.model.seen == []
    logs = [p.read_text() for p in (tmp_path / 'cut').glob('*/*.log')]
    assert any('nothing to do' in log for log in logs)


def test_a_checkpoint_within_a_window_is_refused(toy_run, tmp_path):
    """As the stock hook writes it after an epoch of 6, 4 make a step."""

    def stock(config):
        config.default_hooks.checkpoint.type = 'CheckpointHook'
        config.custom_hooks.pop()  # the stop hook needs our own

    toy_run('stock', change=stock, accumulation=4)

    def change(config):
        config.resume = True
        config.load_from = str(tmp_path / 'stock/epoch_1.pth')

    with pytest.raises(ValueError, match='within an optimizer step of 4'):
        toy_run('stock', change=change, accumulation=4)
