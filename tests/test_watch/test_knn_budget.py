"""k-NN during a run keeps to its share of the time."""

import copy
import logging
from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub

from siameseim.engine import budget
from siameseim.errors import InputError
from siameseim.watch import KnnHook, knn_hook
from tests.model_fixtures import tiny_model
from tests.two_processes import run_in_two


class Clock:
    """A run of epochs of 100 s with measurements of 3.1 s."""

    def __init__(self, monkeypatch, hook, epochs):
        self.now, self.measured, self.hub = 0.0, [], MessageHub('knn clock')
        self.hook = hook
        monkeypatch.setattr(budget.time, 'perf_counter', lambda: self.now)

        def measure(model):
            self.now += 3.1
            return 50.0

        hook.measure = measure
        self.runner = SimpleNamespace(
            model=tiny_model(),
            message_hub=self.hub,
            max_epochs=epochs,
            train_dataloader=SimpleNamespace(num_workers=3, dataset=[]),
            logger=logging.getLogger('clock'),
            visualizer=SimpleNamespace(
                add_scalars=lambda _, step: self.measured.append(step)
            ),
        )

    def go(self, start, stop):
        """Run from one time to another, in epochs of two steps."""
        runner = self.runner
        runner.iter, runner.epoch = int(2 * start), int(start)
        self.hook.before_train(runner)
        while runner.iter < 2 * stop:
            self.now += 50
            self.hub.update_scalar('train/time', 50)
            self.hook.after_train_iter(runner, runner.iter % 2)
            runner.iter += 1
            if runner.iter % 2 == 0:
                self.hook.after_train_epoch(runner)
                runner.epoch += 1


@pytest.mark.parametrize('stop', [7, 0.5, 4.5, 5.5])
def test_knn_keeps_to_its_share_of_the_time(monkeypatch, colours, stop):
    """Two cost 6.2 s, 2 % of 310 s, three 9.3 s of 465, four 12.4 s of 620.

    A stop, also within an epoch, and a new hook change nothing.
    """
    clock = Clock(monkeypatch, KnnHook(str(colours)), 9)
    clock.go(0, stop)
    if stop < 7:
        saved = copy.deepcopy(clock.hub.runtime_info)
        measured = clock.measured
        clock = Clock(monkeypatch, KnnHook(str(colours)), 9)
        clock.hub.runtime_info.update(saved)
        clock.measured = measured
        clock.go(stop, 7)
    assert [iteration / 2 for iteration in clock.measured] == [0, 4, 5, 7]


def test_the_last_epoch_is_measured_whatever_it_costs(monkeypatch, colours):
    clock = Clock(monkeypatch, KnnHook(str(colours)), 6)
    clock.go(0, 6)
    assert [iteration / 2 for iteration in clock.measured] == [0, 4, 5, 6]


def test_without_a_budget_every_epoch_is_measured(monkeypatch, colours):
    clock = Clock(monkeypatch, KnnHook(str(colours), budget=None), 3)
    clock.go(0, 3)
    assert [iteration / 2 for iteration in clock.measured] == [0, 1, 2, 3]


@pytest.mark.parametrize(('asked_for', 'used'), [(None, 3), (0, 0), (5, 5)])
def test_it_loads_with_the_workers_of_training(
    monkeypatch, colours, asked_for, used
):
    hook = KnnHook(str(colours), num_workers=asked_for)
    measure, seen = hook.measure, []
    clock = Clock(monkeypatch, hook, 1)
    monkeypatch.setattr(
        knn_hook,
        'folder_accuracies',
        lambda *_, num_workers, **__: seen.append(num_workers) or {20: 0.5},
    )
    hook.measure = measure
    clock.go(0, 1)
    assert seen == [used, used]


def test_the_online_backbone_is_measured(monkeypatch, colours):
    hook = KnnHook(str(colours))
    measure, seen, model = hook.measure, [], tiny_model()
    Clock(monkeypatch, hook, 1).go(0, 1)
    monkeypatch.setattr(
        knn_hook,
        'folder_accuracies',
        lambda backbone, *_, **__: seen.append(backbone) or {20: 0.5},
    )
    assert measure(model) == 50.0
    assert seen == [model.backbone]


def decide(rank):
    """The process with the slower clock would decide otherwise."""
    hook = KnnHook()
    hook.budget.clock.update(trained=100.0, measured=0.0, last=1.0 + 9 * rank)
    return hook.budget.allows_one_more()


@pytest.mark.slow
def test_two_processes_decide_alike():
    assert run_in_two(decide) == [True, True]


def test_a_negative_budget_is_refused():
    with pytest.raises(InputError, match='default_hooks.knn.budget=-1 must'):
        KnnHook(budget=-1)


def test_no_time_is_counted_while_it_is_off(monkeypatch):
    hook = KnnHook()
    Clock(monkeypatch, hook, 1).go(0, 1)
    assert hook.budget.clock['trained'] == 0
