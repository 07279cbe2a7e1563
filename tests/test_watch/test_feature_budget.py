"""Signs of collapse during a run keep to their share of the time."""

import copy
import logging
from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub

from siameseim.engine import budget
from siameseim.watch import FeatureWatchHook, feature_hook
from siameseim.watch.signs import FeatureSigns

STEP, COST, STEPS = 0.03, 0.29, 4000  # seconds, seconds, of a run


@pytest.fixture
def measured(monkeypatch):
    """Runs that measure nothing, which takes its time."""
    now = [0.0]
    monkeypatch.setattr(budget.time, 'perf_counter', lambda: now[0])
    monkeypatch.setattr(feature_hook, 'step_features', lambda runner: None)

    def measure(features, images):
        now[0] += COST
        return dict(target=FeatureSigns(1.0, 0.0, 9.0, 9.0)), 0.5

    monkeypatch.setattr(feature_hook, 'measure', measure)

    def run(interval, stops=(STEPS,)):
        """Steps that were measured by a new hook after each stop."""
        steps, saved, start = [], {}, 0
        for stop in stops:
            hub = MessageHub('features clock')
            hub.runtime_info.update(saved)
            hook = FeatureWatchHook(interval)
            runner = SimpleNamespace(
                max_iters=STEPS,
                message_hub=hub,
                logger=logging.getLogger('clock'),
                visualizer=SimpleNamespace(
                    add_scalars=lambda _, step: steps.append(step)
                ),
            )
            hook.before_train(runner)
            for runner.iter in range(start, stop):
                hub.update_scalar('train/time', STEP)
                batch = dict(inputs=[range(4)])
                hook.after_train_iter(runner, runner.iter, batch)
            saved, start = copy.deepcopy(hub.runtime_info), stop
        return steps

    return run


@pytest.mark.parametrize(
    ('stops', 'uncounted'), [((4000,), []), ((1500, 4000), [1800])]
)
def test_what_costs_too_much_is_left_out(measured, stops, uncounted):
    """From the second on the n-th may be made after n * 0.29 / 0.02 s.

    That is after n * 483.3 steps of 0.03 s, at the next one that 200 divides,
    whether or not the run is stopped between. That of step 1 is not counted,
    and nothing is known of the cost when the next one is due. Nor is that of
    step 1,600 counted after a resume at 1,500: one more is made.
    """
    expected = [1, 200, 1000, 1600, 2000, 2600, 3000, 3400, 4000]
    assert measured(None, stops) == sorted(expected + uncounted)


def test_the_last_step_is_measured_whatever_it_costs(measured, monkeypatch):
    monkeypatch.setattr(feature_hook, 'SHARE', 0.0)
    assert measured(None) == [1, 200, 4000]  # 200: the cost is not known


def test_an_interval_that_is_given_is_kept(measured):
    assert measured(500) == [1, *range(500, 4001, 500)]
