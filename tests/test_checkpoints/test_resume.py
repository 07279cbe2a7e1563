"""N steps = k steps + resume + N-k steps, bit for bit."""

import multiprocessing
import signal
from types import SimpleNamespace

import pytest
import torch
from mmpretrain.registry import MODELS
from torch.testing import assert_close

from siameseim.checkpoints import resume_hook
from siameseim.engine.worker_signals import end_workers
from siameseim.errors import InputError
from tests.model_fixtures import tiny_model
from tests.toy_runs import IMAGES


def load(runner_or_dir, name):
    return torch.load(runner_or_dir / name, weights_only=True)


def assert_same_run(ours, theirs):
    """Weights, target, buffers, optimizer, schedule, random state."""
    for part in ('state_dict', 'optimizer', 'param_schedulers'):
        assert_close(ours[part], theirs[part], rtol=0, atol=0)
    ours, theirs = (run['exact_resume']['rng'] for run in (ours, theirs))
    assert_close(ours, theirs, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize(
    ('iteration', 'left', 'settings'),
    [
        (6, ['epoch_1.pth'], {}),
        (9, ['epoch_1.pth', 'iter_9.pth'], {}),
        (6, ['epoch_1.pth'], dict(workers=2)),
        (9, ['epoch_1.pth', 'iter_9.pth'], dict(workers=2)),
        # a window of 4 is finished first, also where an epoch ends in it
        (8, ['iter_8.pth'], dict(accumulation=4)),
        (6, ['iter_8.pth'], dict(accumulation=4)),
    ],
)
def test_resume_is_bitwise(
    toy_run, stopped, tmp_path, iteration, left, settings
):
    straight = toy_run('straight', **settings)
    status = stopped(iteration, name='cut', **settings)
    assert status == 128 + signal.SIGTERM
    saved = sorted(path.name for path in (tmp_path / 'cut').glob('*.pth'))
    assert saved == left
    resumed = toy_run('cut', resume=f'cut/{left[-1]}', **settings)
    done = load(tmp_path / 'cut', left[-1])['meta']['iter']
    assert resumed.model.seen == straight.model.seen[done:]
    assert_same_run(
        load(tmp_path / 'straight', 'epoch_3.pth'),
        load(tmp_path / 'cut', 'epoch_3.pth'),
    )


def test_each_epoch_asks_for_keys_of_its_own(toy_run):
    """Of which the data set makes other views in each."""
    seen = toy_run(epochs=2).model.seen  # six batches an epoch
    keys = torch.tensor(seen).view(2, -1)
    assert (keys // IMAGES).tolist() == [[0] * 24, [1] * 24]
    assert len(keys.unique()) == 48


def test_an_order_without_a_place_to_go_on_from_is_refused(toy_run):
    options = {'train_dataloader.sampler.type': 'DefaultSampler'}
    with pytest.raises(InputError, match='type=DefaultSampler has no set'):
        toy_run(options=options)


def test_no_worker_outlives_a_run_that_is_stopped(stopped):
    stopped(9, workers=2)
    assert multiprocessing.active_children() == []


def test_no_worker_outlives_a_run(toy_run):
    run = toy_run('straight', workers=2)  # alive, and with it its loader
    assert multiprocessing.active_children() == []
    assert len(list(run.train_dataloader)) == len(run.train_dataloader)
    assert len(multiprocessing.active_children()) == 2
    end_workers(run.train_dataloader)


SMALL_BATCH = {'train_dataloader.batch_size': 2}


@pytest.mark.parametrize(
    ('options', 'named'),
    [
        ({'randomness.seed': 4}, 'seed was 3, now is 4'),
        (SMALL_BATCH, 'images per iteration was 4, now is 2'),
        (
            {'optim_wrapper.accumulative_counts': 3},
            'accumulative_counts was 1, now is 3',
        ),
    ],
)
def test_another_run_is_refused(toy_run, stopped, options, named):
    stopped(9)
    with pytest.raises(ValueError, match=named):
        toy_run('other', options=options, resume='run/iter_9.pth')


def test_other_groups_of_parameters_are_refused(toy_run, stopped):
    """Without weight decay all have the same settings."""
    stopped(9)
    none = {'optim_wrapper.optimizer.weight_decay': 0.0}
    with pytest.raises(InputError, match='in 2 groups .* this one in 1'):
        toy_run(options=none, resume='run/iter_9.pth')


def test_a_checkpoint_of_another_model_is_refused(toy_run, stopped, tmp_path):
    stopped(9)
    path = tmp_path / 'run/iter_9.pth'
    saved = torch.load(path, weights_only=True)
    weights = saved['state_dict']
    weights['online.weight'] = weights['online.weight'][:1]
    torch.save(saved, path)
    with pytest.raises(InputError, match='online.weight is .1, 3. there'):
        toy_run(resume='run/iter_9.pth')


@pytest.mark.parametrize('meta', [{}, dict(meta=dict(num_heads=2))])
def test_weights_alone_are_no_run_to_resume(toy_run, tmp_path, meta):
    file = tmp_path / 'published.pth'
    torch.save({'model': {}, 'optimizer': {}, **meta}, file)
    cure = f'tools/convert.py {file} start.pth --to siameseim-pretraining'
    with pytest.raises(InputError, match=cure):
        toy_run('run', resume='published.pth')


def test_a_checkpoint_of_another_image_size_is_refused():
    """Its positions would be computed anew as it is loaded."""
    runner = SimpleNamespace(model=tiny_model(grid=(4, 4)))
    saved = tiny_model(grid=(4, 6)).state_dict()
    with pytest.raises(InputError, match='pos_embed is .* there'):
        resume_hook._check_model(runner, saved)


def test_weights_alone_can_be_loaded_into_another_run(
    toy_run, stopped, tmp_path
):
    stopped(9)
    options = {**SMALL_BATCH, 'load_from': str(tmp_path / 'run/iter_9.pth')}
    assert toy_run('other', options=options).iter == 3 * 13


@pytest.mark.parametrize(
    ('lost', 'prefix'), [(0, ''), (0, 'module.'), (1, '')]
)
def test_weights_that_a_run_starts_from_fit_or_are_refused(
    toy_run, tmp_path, log_text, lost, prefix
):
    model = MODELS.build(dict(type='ToyModel'))  # 9 tensors
    state = model.state_dict(prefix=prefix)
    file = tmp_path / 'weights.pth'
    torch.save(dict(list(state.items())[lost:]), file)
    options = {'load_from': str(file), 'log_level': 'INFO'}
    if lost:
        with pytest.raises(InputError, match='only 8 of 9 tensors from'):
            toy_run(options=options)
        return
    toy_run(options=options)
    assert f'starts from 9 of 9 tensors from {file}' in log_text()


def test_changed_settings_of_the_optimizer_count(toy_run, stopped):
    """As the log says they do; the rate is that of the schedule."""
    stopped(9)
    options = {
        'optim_wrapper.optimizer.weight_decay': 0.5,
        'optim_wrapper.optimizer.betas': (0.8, 0.9),
    }
    ends = [
        toy_run(options=changed, resume='run/iter_9.pth').optim_wrapper
        for changed in ({}, options)
    ]
    before, after = (end.optimizer.param_groups for end in ends)
    assert [group['weight_decay'] for group in before] == [0.05, 0.0]
    assert [group['weight_decay'] for group in after] == [0.5, 0.0]
    assert {group['betas'] for group in after} == {(0.8, 0.9)}
    assert [g['lr'] for g in after] == [g['lr'] for g in before]


@pytest.mark.parametrize(
    ('schedule', 'rate', 'said'),
    [
        ({}, 0.02, 'goes on with other settings than the checkpoint was'),
        (
            {'param_scheduler': [dict(type='PolyLR', end=18, by_epoch=False)]},
            0.01,
            'goes on along the schedule of the checkpoint, whatever was',
        ),
    ],
)
def test_the_log_tells_whether_a_changed_rate_counts(
    toy_run, stopped, log_text, schedule, rate, said
):
    stopped(9, options=schedule)
    changed = {**schedule, 'optim_wrapper.optimizer.lr': 0.02}
    runner = toy_run(options=changed, resume='run/iter_9.pth')
    assert {*runner.param_schedulers[0].base_values} == {rate}
    told = 'optim_wrapper.optimizer.lr was 0.01, now is 0.02'
    (line,) = [x for x in log_text().splitlines() if told in x]
    assert said in line


def test_a_finished_run_says_so(toy_run, log_text):
    toy_run()
    runner = toy_run(options={'log_level': 'INFO'}, resume='run/epoch_3.pth')
    assert runner.model.seen == []
    assert 'nothing to do' in log_text()


def test_a_checkpoint_within_a_window_is_refused(toy_run):
    """As the stock hook writes it after an epoch of 6, 4 make a step."""
    stock = {'default_hooks.checkpoint.type': 'CheckpointHook'}
    toy_run(options=stock, accumulation=4)
    with pytest.raises(ValueError, match='within an optimizer step of 4'):
        toy_run(resume='run/epoch_1.pth', accumulation=4)


def test_mmengine_finds_the_last_checkpoint_itself(toy_run):
    """Of ``resume = True`` in a notebook, or by mmpretrain's tools."""
    toy_run(epochs=1)
    runner = toy_run(epochs=2, options=dict(resume=True))
    assert runner.model.kept[0][0] == 0 and len(runner.model.seen) == 6
