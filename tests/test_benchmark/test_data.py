"""Rates of the data side, ours and plain in turn."""

import json

import numpy as np
import pytest
from PIL import Image

from siameseim.benchmark import data as data_side
from siameseim.benchmark import sweep
from siameseim.benchmark.measure import Settings
from siameseim.benchmark.plain.data import PlainTwoViews


@pytest.fixture
def images(tmp_path):
    rng = np.random.default_rng(0)
    for i in range(3):
        pixels = rng.integers(0, 255, (50, 60, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / f'{i}.jpg')
    return str(tmp_path)


@pytest.fixture
def short_turns(monkeypatch):
    for name in ('_TURN_SECONDS', '_LOADER_SECONDS'):
        monkeypatch.setattr(data_side, name, 0.01)


def test_ours_and_plain_take_turns(smoke, images, monkeypatch):
    """A machine half as fast from the third turn on: the same ratio."""
    turns = []

    def rate(dataset, seconds, first):
        turns.append(type(dataset) is PlainTwoViews)
        speed = 10.0 if len(turns) <= 4 else 5.0
        speed = speed if turns[-1] else 3 * speed
        return data_side.Rate(speed, cpu=100 + speed)

    monkeypatch.setattr(data_side, 'samples_per_second', rate)
    rates = data_side.data_rates(smoke, images, True, 2, 0)
    assert turns == [*[False, True, True, False] * 2, False, True]
    assert rates['samples_over_plain'] == (3.0, 3.0, 3.0)
    assert rates['samples_per_second'] == (15.0, 15.0, 30.0)
    assert rates['plain_samples_per_second'] == (5.0, 5.0, 10.0)
    assert rates['samples_per_cpu_second'] == (115.0, 115.0, 130.0)
    assert rates['plain_samples_per_cpu_second'] == (105.0, 105.0, 110.0)


def test_waiting_takes_no_cpu_time(monkeypatch):
    """Two samples, each half a second of computing and two in all."""
    clock = dict(wall=0.0, cpu=0.0)

    class Slow:
        def __getitem__(self, key):
            clock['wall'] += 2
            clock['cpu'] += 0.5

    monkeypatch.setattr(data_side.time, 'perf_counter', lambda: clock['wall'])
    monkeypatch.setattr(data_side.time, 'process_time', lambda: clock['cpu'])
    assert data_side.samples_per_second(Slow(), 3.0) == (0.5, 2.0)


@pytest.mark.usefixtures('short_turns')
def test_both_sides_and_a_loader_are_measured(smoke, images):
    rates = data_side.data_rates(smoke, images, True, 2, 1)
    per_worker = rates.pop('loader_samples_per_second_and_worker')
    assert per_worker == rates['loader_samples_per_second'] > 0
    assert all(0 < r.low <= r.high for r in list(rates.values())[:5])


def test_the_plain_pipeline_makes_the_same_kind_of_sample(smoke, images):
    ours = data_side.two_view_dataset(smoke, images)
    plain = data_side.plain_dataset(smoke, ours)
    assert len(plain) == 3
    views, boxes, flips, width, mask = plain[1]
    sample = ours[1]
    assert [v.shape for v in views] == [v.shape for v in sample['inputs']]
    theirs = sample['data_samples']
    assert boxes.shape == theirs['boxes'].shape
    assert flips.shape == theirs['flips'].shape
    assert width == theirs['source_width'] == 60
    assert mask.sum() == theirs['mask'].sum() == 9


@pytest.mark.usefixtures('short_turns')
def test_a_curve_over_workers_has_a_rate_at_each(smoke, images, tmp_path):
    settings = Settings(batch_size=2, steps=2, data=images)
    result = sweep.sweep('workers', smoke, settings, [0, 1], tmp_path)
    rates = [point['samples_per_second'] for point in result['points']]
    assert all(0 < rate.low <= rate.high for rate in rates)
    written = json.loads((tmp_path / 'growth_workers.json').read_text())
    assert [point['at'] for point in written['points']] == [0, 1]
    assert (tmp_path / 'growth_workers.png').is_file()
