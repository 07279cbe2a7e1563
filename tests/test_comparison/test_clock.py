"""The training time that a curve counts."""

from types import SimpleNamespace

from mmengine.logging import MessageHub

from siameseim.comparison import curve_hook
from siameseim.comparison.curve_hook import FrozenCurveHook


def test_time_is_in_the_checkpoint_of_every_step(monkeypatch):
    """Steps end at 3 and 7 s, a stop loses what follows; resumed, 2 s more.

    7 - 1 seconds before the stop and 2 after it.
    """
    now = SimpleNamespace(seconds=1.0)
    monkeypatch.setattr(curve_hook.time, 'perf_counter', lambda: now.seconds)
    runner = SimpleNamespace(message_hub=MessageHub('clock of a curve'))
    for start, steps in ((1.0, (3.0, 7.0)), (100.0, (102.0,))):
        now.seconds = start
        hook = FrozenCurveHook(splits=())
        hook.before_train_epoch(runner)
        for now.seconds in steps:
            hook.after_train_iter(runner, 0)
    assert runner.message_hub.get_info('frozen_curve_seconds') == 8.0
