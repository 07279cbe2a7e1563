"""Side by side: rounds, ratios, peers, and the command itself."""

import json
import shlex
import sys
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest
import torch

from siameseim.benchmark import measure as measuring
from siameseim.benchmark import timing
from siameseim.benchmark.measure import Settings, describe, measure
from siameseim.benchmark.peers import PeerStep, peer_config
from siameseim.benchmark.plain.step import PlainStep
from siameseim.benchmark.step import StepBenchmark
from siameseim.benchmark.timing import ratio
from siameseim.engine.devices import datasheet_tflops
from tests.test_benchmark.conftest import SMOKE


@pytest.fixture(autouse=True)
def small_products(monkeypatch):
    monkeypatch.setitem(timing.MATMUL_SIZE, 'cpu', 256)


def test_ratios_are_formed_round_by_round():
    model = torch.nn.Linear(1, 1)
    step = SimpleNamespace(
        batch_size=4,
        model=model,
        optimizer=torch.optim.AdamW(model.parameters()),
        run=lambda: None,
    )
    numbers = describe(step, [1.0, 2.0, 1.0], [10.0, 5.0, 20.0], 5, 'cpu')
    assert numbers['share_of_matmul'] == (0.5, 0.25, 0.5)
    assert numbers['images_per_second'] == (4.0, 2.0, 4.0)
    assert ratio([2.0, 6.0, 0.5], [1.0, 2.0, 1.0]) == (2.0, 0.5, 3.0)


def test_ours_is_faster_where_its_steps_take_less(smoke, monkeypatch):
    """Eager steps are given two seconds, ours and the products one."""

    def seconds(run, device):
        owner = getattr(run, '__self__', None)
        return 2.0 if getattr(owner, 'name', '') == 'eager' else 1.0

    monkeypatch.setattr(timing, 'seconds', seconds)
    settings = Settings(batch_size=2, steps=3, against=['eager'])
    result = measure(smoke, settings)
    assert result['steps']['eager']['ours_is_faster_by'] == (2, 2, 2)
    assert result['steps']['ours']['seconds_per_step'] == (1, 1, 1)
    assert result['matmul_tflops'].median == 5 * 2 * 256**3 / 1e12


def test_a_plain_step_ends_with_the_weights_of_ours(smoke):
    """One AdamW step on the same batch; BatchNorm and clipping included."""
    smoke.optim_wrapper.paramwise_cfg = {}  # the plain one decays all
    step = StepBenchmark(smoke, 4, 'cpu')
    torch.manual_seed(0)
    step.model.init_weights()
    plain = PlainStep(smoke, step)
    step.run()
    plain.run()
    ours, theirs = step.model.neck.predictor, plain.model
    for one, other in (
        (ours.head.weight, theirs.head.weight),
        (ours.mask_token, theirs.mask_token),
        (
            ours.blocks[0].ln1.bn.running_var,
            theirs.predictor[0].norm1.bn.running_var,
        ),
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize('name', ['mae', 'mocov3', 'byol'])
def test_stock_methods_make_a_step(name):
    cfg = peer_config(name, 768)
    tiny = dict(
        embed_dims=32, num_layers=1, num_heads=2, feedforward_channels=32
    )
    if name == 'mae':
        cfg.model.backbone.arch = tiny
        cfg.model.neck.update(embed_dim=32, decoder_embed_dim=32)
        cfg.model.neck.update(decoder_depth=1, decoder_num_heads=2)
    elif name == 'mocov3':
        cfg.model.backbone.arch, cfg.model.neck.in_channels = tiny, 32
    else:
        cfg.model.backbone.depth, cfg.model.neck.in_channels = 18, 512
    step = PeerStep(name, cfg, 2, 'cpu', 'fp32')
    before = [p.clone() for p in step.model.parameters()]
    step.run()
    changed = [
        not torch.equal(old, new)
        for old, new in zip(before, step.model.parameters(), strict=True)
    ]
    assert sum(changed) > len(changed) / 4


@pytest.mark.parametrize('mode', [False, True, 'graph'])
def test_no_memory_is_stated_that_a_watched_step_does_not_show(smoke, mode):
    step = StepBenchmark(smoke, 2, 'cpu')
    step.run()
    step.compiled = mode
    numbers = describe(step, [1.0], [1.0], 1, 'cpu')
    assert (numbers['step_memory_mib_per_image'] is None) == bool(mode)


def test_the_first_step_is_timed_without_the_count(smoke, monkeypatch):
    """Building takes 1 s, counting 10, the first step 100."""
    clock = [0.0]

    class Slow(StepBenchmark):
        def __init__(self, *args):
            super().__init__(*args)
            clock[0] += 1

        def flops(self):
            clock[0] += 10
            return 1

        def run(self):
            clock[0] += 100

    monkeypatch.setattr(measuring, 'StepBenchmark', Slow)
    monkeypatch.setattr(measuring.time, 'perf_counter', lambda: clock[0])
    monkeypatch.setattr(timing, 'seconds', lambda run, device: 1.0)
    settings = Settings(batch_size=2, steps=1)
    assert measure(smoke, settings)['seconds_to_first_step'] == 101


def test_what_cannot_be_compared_is_refused_before_a_step(smoke, monkeypatch):
    def run(self):
        raise AssertionError('a step is made')

    monkeypatch.setattr(StepBenchmark, 'run', run)
    smoke.model.backbone.with_cp = True
    with pytest.raises(ValueError, match='no counterpart for model.backbone'):
        measure(smoke, Settings(batch_size=2, against=['plain']))


def test_a_missing_stock_config_is_named():
    with pytest.raises(ValueError, match=r'mae config for a ViT 192 wide'):
        peer_config('mae', 192)


def test_data_sheets_are_found_by_name():
    assert datasheet_tflops('NVIDIA H100 80GB HBM3') == 989
    assert datasheet_tflops('NVIDIA H100 PCIe') == 756
    assert datasheet_tflops('NVIDIA A100-SXM4-80GB') == 312
    assert datasheet_tflops('AMD EPYC') is None


def test_the_command_writes_a_table_and_json(benchmark, capsys, tmp_path):
    path = tmp_path / 'result.json'
    benchmark.main(
        [
            str(SMOKE),
            *('--batch-size', '2', '--steps', '2', '--device', 'cpu'),
            *('--precision', 'fp32', '--peak-tflops', '2', '--split'),
            *('--against', 'plain'),
            *('--json', str(path)),
        ]
    )
    result = json.loads(path.read_text())
    assert result['command'] == shlex.join(sys.argv)
    made = datetime.fromisoformat(result['date'])
    assert abs(datetime.now(timezone.utc) - made) < timedelta(hours=1)
    ours = result['steps']['ours']
    assert ours['share_of_datasheet'] == pytest.approx(ours['tflops'] / 2)
    low, high = result['steps']['plain']['ours_is_faster_by'][1:]
    assert 0 < low <= high
    assert 'target forward' in result['parts_of_a_step']
    printed = capsys.readouterr().out
    assert 'images_per_second' in printed and 'ours_is_faster_by' in printed
