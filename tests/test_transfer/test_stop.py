"""Trainings for a task that are asked to end, by the tool's command line."""

import signal

import pytest
from mmengine.evaluator import BaseMetric
from mmengine.hooks import Hook
from mmengine.registry import HOOKS, METRICS

from siameseim.checkpoints import stop_signals
from siameseim.transfer import stop_hook
from tests.toy_runs import ToyKeys, ToyModel, pointed_to
from tests.transfer_fixtures import tool

# 26 images make 6 batches. The toolboxes' own loops, samplers and hooks.
COMMON = """
default_scope = 'mmseg'
model = dict(type='mmpretrain.ToyModel')
data = dict(
    batch_size=4,
    num_workers=0,
    drop_last=True,
    collate_fn=dict(type='default_collate'),
    dataset=dict(type='mmpretrain.ToyKeys'),
)
optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.01))
randomness = dict(seed=3)
"""
VALIDATION = """
val_cfg = dict()
val_dataloader = dict(data, sampler=dict(type='DefaultSampler', shuffle=False))
val_evaluator = dict(type='CountImages')
custom_hooks = [dict(type='TerminateInValidation')]
"""
EPOCHS = """
train_cfg = dict(by_epoch=True, max_epochs=3)
train_dataloader = dict(data, sampler=dict(type='DefaultSampler'))
default_hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1))
"""
ITERATIONS = """
train_cfg = dict(by_epoch=False, max_iters=30, val_interval=4)
train_dataloader = dict(data, sampler=dict(type='InfiniteSampler'))
log_processor = dict(by_epoch=False)
default_hooks = dict(
    checkpoint=dict(type='CheckpointHook', by_epoch=False, interval=12)
)
"""


@METRICS.register_module()
class CountImages(BaseMetric):
    """Counts the batches that it is given."""

    def process(self, data_batch, data_samples):
        self.results.append(1)

    def compute_metrics(self, results):
        return {'batches': len(results)}


@HOOKS.register_module()
class TerminateInValidation(Hook):
    """Sends SIGTERM to this process in a validation's second batch."""

    def after_val_iter(self, runner, batch_idx, *args, **kwargs):
        if batch_idx == 1:
            signal.raise_signal(signal.SIGTERM)


@pytest.fixture
def seen(monkeypatch):
    """Keys of each batch that a model is given."""
    batches, forward = [], ToyModel.forward

    def watched(self, inputs, mode='loss'):
        batches.append(inputs.long().tolist())
        results = forward(self, inputs, mode)
        return results if mode == 'loss' else [results]

    monkeypatch.setattr(ToyModel, 'forward', watched)
    return batches


@pytest.fixture
def loaded(monkeypatch):
    """Keys of each image that is loaded in this process."""
    keys, load = [], ToyKeys.__getitem__

    def watched(self, key):
        keys.append(key)
        return load(self, key)

    monkeypatch.setattr(ToyKeys, '__getitem__', watched)
    return keys


@pytest.fixture
def train(tmp_path):
    """Runs tools/train.py on a text of a config: the exit status, or 0."""

    def run(text, *options, stop=None, **kwargs):
        path = tmp_path / 'config.py'
        if stop:
            hook = dict(type='mmpretrain.TerminateAfter', iteration=stop)
            text += f'custom_hooks = [{hook | kwargs}]\n'
        path.write_text(COMMON + text)
        work = str(tmp_path / 'run')
        try:
            tool('train').main([str(path), '--work-dir', work, *options])
        except SystemExit as end:
            return end.code
        return 0

    return run


@pytest.fixture
def last(tmp_path):
    """Name of the checkpoint that a resume goes on from."""
    return lambda: pointed_to(tmp_path / 'run')


STOPPED = 128 + signal.SIGTERM
OWN_SEED = "train_dataloader['sampler'].update(seed=5)\n"


@pytest.mark.parametrize('own', ['', OWN_SEED])
def test_iterations_go_on_where_they_were_stopped(train, last, seen, own):
    """In the order of a sampler's own seed too."""
    assert train(ITERATIONS + own, stop=10) == STOPPED
    assert last() == 'iter_10.pth'
    assert train(ITERATIONS + own, '--resume') == 0
    resumed = [*seen]
    seen.clear()
    assert train(ITERATIONS + own) == 0
    assert resumed == seen
    assert len(resumed) == 30


@pytest.mark.parametrize('workers', [0, 2])
def test_a_resume_loads_no_image_of_the_iterations_before(
    train, seen, loaded, workers
):
    """Nor another one again before all have come, whatever the seed was."""
    text = (
        f'{ITERATIONS}train_dataloader.update(num_workers={workers}, '
        f'persistent_workers={workers > 0})\nrandomness = dict(seed=None)\n'
    )
    assert train(text, stop=20) == STOPPED
    loaded.clear()
    assert train(text, '--resume') == 0
    assert len(loaded) == (0 if workers else 4 * 10)
    keys = [key for batch in seen for key in batch]
    assert len(keys) == 4 * 30
    for i in range(0, 104, 26):
        assert sorted(keys[i : i + 26]) == [*range(26)]


def test_it_saves_where_an_optimizer_step_is_complete(train, last):
    text = f'{ITERATIONS}optim_wrapper.update(accumulative_counts=4)\n'
    assert train(text, stop=5) == STOPPED
    assert last() == 'iter_8.pth'


def test_within_an_epoch_it_says_where_a_resume_goes_on(
    train, last, seen, capfd
):
    assert train(EPOCHS, stop=9) == STOPPED
    assert last() == 'epoch_1.pth'
    assert 'stopped after iteration 9' in (told := capfd.readouterr().out)
    assert '--resume goes on from' in told
    assert 'run/epoch_1.pth' in told
    seen.clear()
    assert train(EPOCHS, '--resume') == 0
    assert len(seen) == 12  # two whole epochs


def test_before_the_first_checkpoint_it_says_that_there_is_none(train, capfd):
    assert train(EPOCHS, stop=2) == STOPPED
    told = capfd.readouterr().out
    assert 'saved yet: the same command begins where this one did' in told


def test_an_epoch_that_is_complete_is_saved(train, last):
    assert train(EPOCHS, stop=12) == STOPPED
    assert last() == 'epoch_2.pth'


def test_the_last_step_ends_the_training_as_ever(train, last):
    assert train(EPOCHS, stop=18) == 0
    assert last() == 'epoch_3.pth'


def test_a_validation_after_an_epoch_is_left(train, last, seen):
    assert train(EPOCHS + VALIDATION) == STOPPED
    assert last() == 'epoch_1.pth'
    assert len(seen) == 6 + 2


def test_the_last_validation_is_ended(train, last, seen):
    """A resume, which has nothing to train, would not measure again."""
    once = 'train_cfg.update(val_interval=3)\n'
    assert train(EPOCHS + VALIDATION + once) == 0
    assert last() == 'epoch_3.pth'
    assert len(seen) == 18 + 6


def test_a_validation_of_steps_that_are_not_saved_is_not_left(
    train, last, seen
):
    assert train(ITERATIONS + VALIDATION) == STOPPED
    assert last() == 'iter_5.pth'
    assert len(seen) == 4 + 6 + 1


def test_workers_outlive_a_signal_to_all_processes(train, last):
    """As Slurm's --signal=USR1@120."""
    text = (
        f'{ITERATIONS}train_dataloader.update(num_workers=1)\n'
        'optim_wrapper.update(accumulative_counts=4)\n'
    )
    status = train(text, stop=5, name='SIGUSR1', workers=True)
    assert status == 128 + signal.SIGUSR1
    assert last() == 'iter_8.pth'


def test_several_processes_stop_at_an_iteration_of_which_all_know(
    train, last, monkeypatch
):
    """Here the other one gets the signal; the first learns of it at ten."""
    waited = []
    monkeypatch.setattr(stop_signals, 'get_world_size', lambda: 2)
    monkeypatch.setattr(
        stop_signals,
        'all_reduce',
        lambda tensor, op: tensor.fill_(signal.SIGTERM),
    )
    monkeypatch.setattr(stop_hook, 'barrier', lambda: waited.append(last()))
    assert train(ITERATIONS) == STOPPED
    assert waited == ['iter_10.pth']


def test_several_processes_end_a_validation(train, seen, monkeypatch):
    """As others may have fewer batches, at which they would wait."""
    for module in (stop_signals, stop_hook):
        monkeypatch.setattr(module, 'get_world_size', lambda: 2)
    monkeypatch.setattr(stop_signals, 'all_reduce', lambda *_, **__: None)
    assert train(EPOCHS + VALIDATION) == STOPPED
    assert len(seen) == 6 + 6 + 4  # the tenth iteration is the next to ask at
