"""The parts of a step: what each measures, and that watching ends."""

import time

from siameseim.benchmark.phases import Stopwatch, step_phases
from siameseim.benchmark.step import StepBenchmark


class Sleeper:
    def nap(self, seconds):
        time.sleep(seconds)
        return 'awake'

    def doze(self, times):
        time.sleep(0.02)
        return self.doze(times - 1) if times > 1 else 'awake'


def test_a_stopwatch_adds_up_the_calls_while_it_watches():
    sleeper, watch = Sleeper(), Stopwatch('cpu')
    with watch.watch(sleeper, 'nap', 'sleep'):
        assert sleeper.nap(0.02) == 'awake'
        sleeper.nap(0.03)
    sleeper.nap(0.2)
    assert 0.05 <= watch.seconds['sleep'] < 0.2


def test_a_method_that_calls_itself_counts_once():
    sleeper, watch = Sleeper(), Stopwatch('cpu')
    start = time.perf_counter()
    with watch.watch(sleeper, 'doze', 'sleep'):
        assert sleeper.doze(4) == 'awake'
    assert 0.08 <= watch.seconds['sleep'] <= time.perf_counter() - start


def test_a_slow_part_is_seen_in_its_place_only(smoke, monkeypatch):
    step = StepBenchmark(smoke, 2, 'cpu')
    step.run()
    usual = step_phases(step, 3)
    original = type(step.model.head).loss

    def slow(self, *args):
        time.sleep(0.5)
        return original(self, *args)

    monkeypatch.setattr(type(step.model.head), 'loss', slow)
    delayed = step_phases(step, 1, lambda: step.batch)
    assert delayed['loss'].median >= 0.5
    for part, seconds in usual.items():
        if part != 'loss':
            assert delayed[part].median < seconds.high + 0.4, part
    assert delayed['data wait'].median < 0.4


def test_parts_are_all_of_a_step_and_leave_the_model_as_it_was(smoke):
    step = StepBenchmark(smoke, 2, 'cpu')
    step.run()
    before = [set(vars(owner)) for owner in owners(step)]
    parts = step_phases(step, 1)
    assert [set(vars(owner)) for owner in owners(step)] == before
    assert all(seconds.low > 0 for seconds in parts.values())
    assert list(parts) == [
        'EMA',
        'host to device',
        'normalise',
        'target forward',
        'online forward',
        'loss',
        'backward',
        'optimizer',
    ]


def owners(step):
    model = step.model
    return [
        model,
        model.data_preprocessor,
        model.target,
        model.head,
        step.optim_wrapper,
    ]
