"""The checkpoint with the best score, which no stop may lose."""

import os
import shutil

import pytest
import torch
from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS

from tests.test_transfer.conftest import ITERATIONS

# Each validation, after 4, 8, ... iterations, is better than that before.
RISING = f"""{ITERATIONS}
val_cfg = dict()
val_dataloader = dict(data, sampler=dict(type='DefaultSampler', shuffle=False))
val_evaluator = dict(type='CountCalls')
default_hooks['checkpoint'].update(save_best='calls', rule='greater')
"""


@METRICS.register_module()
class CountCalls(BaseMetric):
    """The number of validations in this process so far, also of others."""

    calls = 0

    def process(self, data_batch, data_samples):
        self.results.append(1)

    def compute_metrics(self, results):
        CountCalls.calls += 1
        return {'calls': CountCalls.calls}


@METRICS.register_module()
class Dips(CountCalls):
    """A score of which every other is worse than those before."""

    def compute_metrics(self, results):
        calls = super().compute_metrics(results)['calls']
        return {'calls': -calls if calls % 2 else calls}


@METRICS.register_module()
class TwoScores(CountCalls):
    """One that gets better, and one that does not."""

    def compute_metrics(self, results):
        return super().compute_metrics(results) | {'other': 1}


@pytest.fixture
def full_at(monkeypatch):
    """Lets the disk be full at a file of this name, at first or later."""
    replace = os.replace

    def fill(name, spared=0):
        written = []

        def full(source, target):
            written.append(os.path.basename(target))
            if written.count(name) > spared:
                raise OSError(28, 'No space left on device')
            replace(source, target)

        monkeypatch.setattr(os, 'replace', full)

    yield fill
    monkeypatch.undo()


@pytest.fixture
def best(tmp_path):
    """Names of the best files in a folder."""
    return lambda folder='run': sorted(
        file.name for file in tmp_path.glob(f'{folder}/best*')
    )


def named_by(checkpoint):
    """The best file that a resume from a checkpoint knows."""
    hub = torch.load(checkpoint, weights_only=False)['message_hub']
    return hub['runtime_info']['best_ckpt']


def test_a_full_disk_leaves_the_best_file_before(train, seen, best, full_at):
    full_at('best_calls_iter_8.pth')
    assert 'No space left' in train(RISING)
    assert best() == ['best_calls_iter_4.pth']


def test_the_best_file_before_is_removed(train, seen, best):
    assert train(RISING) == 0
    assert best() == ['best_calls_iter_30.pth']


def test_the_best_file_before_is_removed_after_worse_scores_too(
    train, seen, best
):
    dips = "val_evaluator = dict(type='Dips')\n"
    assert train(RISING + dips) == 0
    assert len(best()) == 1


def test_a_best_file_without_a_number_in_its_name_stays(train, seen, best):
    name = "default_hooks['checkpoint'].update(filename_tmpl='last.pth')\n"
    assert train(RISING + name) == 0
    assert best() == ['best_calls_last.pth']


def test_of_several_scores_each_keeps_its_own_best_file(train, seen, best):
    two = "default_hooks['checkpoint'].update(save_best=['calls', 'other'])"
    train(f"{RISING}{two}\nval_evaluator = dict(type='TwoScores')\n")
    assert best() == ['best_calls_iter_30.pth', 'best_other_iter_4.pth']


def test_a_resumed_run_that_ends_early_still_has_its_best_file(
    train, seen, last, best, tmp_path, full_at
):
    """Of the time between a better score and the next checkpoint due."""
    short = ('--cfg-options', 'train_cfg.max_iters=12')
    assert train(RISING, *short) == 0
    full_at('iter_24.pth')
    assert 'No space left' in train(RISING, '--resume')
    known = named_by(tmp_path / 'run' / last())
    assert best() == [os.path.basename(known)]


def test_the_best_file_of_another_folder_is_left(train, seen, best, tmp_path):
    short = ('--cfg-options', 'train_cfg.max_iters=12')
    assert train(RISING, *short) == 0
    shutil.copytree(tmp_path / 'run', tmp_path / 'first')
    other = str(tmp_path / 'first/iter_12.pth')
    saved = torch.load(other, weights_only=False)
    info = saved['message_hub']['runtime_info']
    info['best_ckpt'] = str(tmp_path / 'first/best_calls_iter_12.pth')
    torch.save(saved, other)
    assert train(RISING, '--resume', other) == 0
    assert best('first') == ['best_calls_iter_12.pth']


def test_the_best_file_that_the_last_checkpoint_names_is_never_missing(
    train, seen, last, best, tmp_path, full_at
):
    """It names the one before until it is written anew with the new one."""
    full_at('iter_12.pth', spared=1)
    assert 'No space left' in train(RISING)
    known = named_by(tmp_path / 'run' / last())
    assert best() == ['best_calls_iter_12.pth', os.path.basename(known)]
    assert known.endswith('best_calls_iter_8.pth')


@pytest.mark.parametrize('names', ["'cals'", "['calls', 'cals']"])
def test_a_score_that_is_not_measured_is_named(train, seen, last, names):
    text = f"default_hooks['checkpoint'].update(save_best={names})\n"
    said = train(RISING + text)
    assert said.startswith(
        'error: default_hooks.checkpoint.save_best: cals is not measured, '
        'only calls: did you mean calls?'
    )
