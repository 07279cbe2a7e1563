"""Curves over batch, resolution, patches, workers and processes."""

import json
import os

import pytest
from mmengine.config import Config

from siameseim.benchmark import processes, sweep
from siameseim.benchmark import step as steps
from siameseim.benchmark.measure import Settings
from siameseim.benchmark.step import StepBenchmark
from siameseim.benchmark.sweep import resized
from siameseim.benchmark.table import show
from siameseim.benchmark.timing import Spread
from tests.test_benchmark.conftest import SMOKE
from tests.transfer_fixtures import ROOT


def test_other_sizes_keep_the_share_of_masked_patches(smoke):
    cfg = resized(smoke, size=64, patch=16)
    step = StepBenchmark(cfg, 2, 'cpu')
    assert step.batch['inputs'][0].shape == (2, 3, 64, 64)
    assert step.batch['data_samples']['visible'].shape == (2, 16 - 9)
    assert StepBenchmark(resized(smoke, patch=4), 1, 'cpu').batch[
        'data_samples'
    ]['visible'].shape == (1, 64 - 36)
    with pytest.raises(ValueError, match='no whole number of patches of 5'):
        resized(smoke, patch=5)


@pytest.mark.parametrize(
    ('curve', 'values'),
    [
        ('batch', ['1', '2']),
        ('resolution', ['32', '64']),
        ('patches', ['16', '8']),
    ],
)
def test_curves_are_written(benchmark, tmp_path, curve, values):
    benchmark.main(
        [
            str(SMOKE),
            *f'--batch-size 2 --steps 1 --sweep {curve} --values'.split(),
            *values,
            *('--out', str(tmp_path), '--device', 'cpu'),
        ]
    )
    result = json.loads((tmp_path / f'growth_{curve}.json').read_text())
    small, large = result['points']
    assert small['memory_mib'] < large['memory_mib']
    assert small['at'] < large['at']
    assert (tmp_path / f'growth_{curve}.png').stat().st_size > 5000


@pytest.mark.slow
def test_processes_share_a_batch(benchmark, tmp_path):
    arguments = '--batch-size 4 --steps 2 --sweep processes --device cpu'
    benchmark.main([str(SMOKE), *arguments.split(), '--out', str(tmp_path)])
    result = json.loads((tmp_path / 'growth_processes.json').read_text())
    assert [point['at'] for point in result['points']] == [1, 2]
    assert result['points'][1]['speed_up'] > 0


def test_only_on_linux_the_loopback_has_that_name(tmp_path, monkeypatch):
    def meet(*_, **__):
        raise ConnectionError

    monkeypatch.setattr('sys.platform', 'darwin')
    monkeypatch.setattr(processes.dist, 'init_process_group', meet)
    monkeypatch.delenv('GLOO_SOCKET_IFNAME', raising=False)
    with pytest.raises(ConnectionError):
        processes._worker(0, 2, str(tmp_path), {}, 1, 'cpu', 1)
    assert 'GLOO_SOCKET_IFNAME' not in os.environ


@pytest.mark.parametrize(
    ('curve', 'said'),
    [
        ('workers', '--data'),  # it asks for images
        ('processes --values 2 0', '--values 0: give numbers from 1'),
        ('resolution --values 0', '--values 0: give numbers from 1'),
        ('batch --values -1', '--values -1: give numbers from 1'),
    ],
)
def test_a_curve_that_cannot_be_measured_is_named(
    benchmark, tmp_path, curve, said
):
    arguments = f'--device cpu --sweep {curve} --out {tmp_path}'
    with pytest.raises(SystemExit, match=said):
        benchmark.main([str(SMOKE), *arguments.split()])


def test_a_curve_over_processes_is_refused_before_one_is_measured(
    benchmark, tmp_path, monkeypatch
):
    def measured(*_):
        raise AssertionError('one is measured')

    monkeypatch.setattr(sweep, 'step_seconds_in_processes', measured)
    arguments = '--batch-size 4 --sweep processes --values 1 3 --device cpu'
    with pytest.raises(SystemExit, match='shared by 3 processes'):
        benchmark.main(
            [str(SMOKE), *arguments.split(), '--out', str(tmp_path)]
        )


@pytest.mark.parametrize(
    ('name', 'curve', 'points'),
    [
        ('smoke', 'patches', [8, 4, 2]),
        ('smoke', 'resolution', [32, 64, 112, 160]),
        ('vitb_pretrain', 'patches', [56, 32, 28, 16, 14, 8]),
        ('vitb_pretrain', 'resolution', [64, 128, 224, 320]),
        ('vith14_pretrain', 'resolution', [56, 112, 196, 280]),
    ],
)
def test_points_that_nobody_gave_fit_the_config(
    monkeypatch, tmp_path, name, curve, points
):
    at = []

    def point(kind, cfg, settings, value):
        size = 'size' if kind == 'resolution' else 'patch'
        resized(cfg, **{size: value})  # refuses what does not fit
        at.append(value)
        return dict(at=value, seconds_per_step=(1, 1, 1))

    monkeypatch.setattr(sweep, '_step_point', point)
    cfg = Config.fromfile(ROOT / f'configs/siameseim_{name}.py')
    sweep.sweep(curve, cfg, Settings(), None, tmp_path)
    assert at == points


def test_no_memory_of_steps_compiled_on_a_cpu(smoke, monkeypatch, tmp_path):
    monkeypatch.setattr(steps, 'compile_blocks', lambda model, mode: None)
    settings = Settings(steps=1, compiled=True)
    result = sweep.sweep('batch', smoke, settings, [1], tmp_path)
    assert 'memory_mib' not in result['points'][0]


def test_a_curve_says_how_it_came_about(monkeypatch, smoke, tmp_path):
    argv = ['benchmark.py', 'a b', '--sweep', 'batch']
    monkeypatch.setattr('sys.argv', argv)
    sweep.sweep('batch', smoke, Settings(steps=1), [1], tmp_path)
    written = json.loads((tmp_path / 'growth_batch.json').read_text())
    assert written['command'] == "benchmark.py 'a b' --sweep batch"


@pytest.mark.parametrize('options', ['', ' --sweep patches'])
@pytest.mark.parametrize('row', ['imagenette/mae', 'cifar10/mocov3'])
def test_a_config_of_another_method_is_named(benchmark, row, options):
    config = str(ROOT / f'configs/comparison/{row}.py')
    with pytest.raises(SystemExit, match='only steps of SiameseIM.*--against'):
        benchmark.main([config, '--device', 'cpu', *options.split()])


def test_each_point_of_a_curve_is_printed_on_lines_of_its_own(capsys):
    points = [dict(at=n, seconds=Spread(n / 2, 0.25, 2.0)) for n in (1, 2)]
    show(dict(points=points))
    printed = capsys.readouterr().out
    assert [' '.join(line.split()) for line in printed.splitlines()] == [
        *('points', 'point 1', 'at 1', 'seconds 0.5 (0.25 to 2)'),
        *('point 2', 'at 2', 'seconds 1 (0.25 to 2)'),
    ]
