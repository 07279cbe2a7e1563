"""Warm-up of few images, and the settings that make a training shorter."""

import pytest
from mmengine.config import Config

from siameseim.transfer.schedule import lengths, long_warm_up


def config(loop, **warm_up):
    return Config(
        dict(
            train_cfg=loop,
            param_scheduler=[
                dict(type='CosineAnnealingLR', T_max=90, by_epoch=True),
                dict(type='LinearLR', start_factor=0.1, **warm_up),
            ],
        )
    )


@pytest.mark.parametrize(
    ('loop', 'warm_up', 'steps', 'said'),
    [
        # 2,000 iterations, in 12 epochs of 5 and of 5,000
        (dict(max_epochs=12), dict(end=2000, by_epoch=False), 5, '2000 '),
        (dict(max_epochs=12), dict(end=2000, by_epoch=False), 5000, None),
        # epochs, which grow with the images
        (dict(max_epochs=10), dict(end=10), 1, '10 iterations, of 10 in all'),
        (dict(max_epochs=90), dict(end=10), 1, None),
        (dict(max_iters=400), dict(end=1500, by_epoch=False), 9, 'of 400 in'),
        (dict(max_iters=4500), dict(end=1500, by_epoch=False), 9, None),
    ],
)
def test_a_warm_up_of_over_a_third_is_told(loop, warm_up, steps, said):
    told = long_warm_up(config(loop, **warm_up), steps)
    assert said in told if said else told is None


def test_the_setting_to_change_is_named():
    told = long_warm_up(config(dict(max_epochs=2), end=2), 7)
    assert 'lower param_scheduler.1.end=2 with' in told


def test_where_the_next_schedule_begins_is_named_too():
    cfg = config(dict(max_epochs=2), end=2)
    cfg.param_scheduler[0].begin = 2
    told = long_warm_up(cfg, 7)
    settings = 'param_scheduler.1.end=2 and param_scheduler.0.begin=2'
    assert f'lower {settings} with' in told


def test_lengths_are_those_of_loop_and_schedules():
    assert lengths(config(dict(max_epochs=90, val_interval=3), end=10)) == (
        'train_cfg.max_epochs=90 param_scheduler.0.T_max=90 '
        'param_scheduler.1.end=10'
    )


def test_one_schedule_without_a_list_will_do():
    cfg = config(dict(max_iters=40))
    cfg.param_scheduler = dict(type='PolyLR', end=40)
    assert long_warm_up(cfg, 4) is None
    assert lengths(cfg) == 'train_cfg.max_iters=40 param_scheduler.end=40'


def test_a_rate_that_falls_all_the_time_is_no_warm_up():
    cfg = config(dict(max_epochs=9), end=9, end_factor=0.0)
    assert long_warm_up(cfg, 5) is None
