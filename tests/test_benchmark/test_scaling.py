"""The scaling model against figures worked by hand."""

import pytest

from siameseim.benchmark.scaling import (
    Cluster,
    Work,
    ring_bytes,
    step_model,
)
from tests.test_benchmark.conftest import SMOKE
from tests.transfer_fixtures import tool

WORK = Work(
    flop_per_image=100e9,
    trained=10e6,
    averaged=5e6,
    batch=20,
    norms_forward=30,
    norms_backward=20,
    decoder_width=100,
)
CLUSTER = Cluster(
    flops=100e12,
    memory_bandwidth=1e12,
    fast_link=100e9,
    slow_link=10e9,
    latency=10e-6,
    gpus_a_machine=8,
    overlap=0.5,
    cores_per_gpu=10,
    samples_per_core=200,
    host=0.01,
)


def test_one_gpu_only_computes():
    one = step_model(WORK, CLUSTER, 1)
    assert one.compute == pytest.approx(0.02)  # 20 x 100e9 / 100e12
    # 4 bytes x (7 x 10e6 + 3 x 5e6) = 340e6 bytes
    assert one.optimizer == pytest.approx(0.34e-3)
    assert (one.gradients, one.batch_norm, one.loss) == (0, 0, 0)
    assert one.step == pytest.approx(0.02034)
    assert one.images_per_second == pytest.approx(20 / 0.02034)
    assert one.efficiency == pytest.approx(1)


def test_two_machines_worked_by_hand():
    two = step_model(WORK, CLUSTER, 16)
    # 2 x 15/16 x 10e6 x 4 bytes = 75e6 bytes over 10e9 a second, half hidden
    assert two.gradients == pytest.approx(7.5e-3 / 2)
    # small all-reduces: 10 us x (1 + 1 doubling) = 20 us
    # 50 of them; forward 30 x 2 x 15/16 x 200 x 8 = 90000 bytes,
    # backward 20 x 2 x 15/16 x 200 x 4 = 30000 bytes
    assert two.batch_norm == pytest.approx(50 * 20e-6 + 12e-6)
    # 2 x 15/16 x 10000 x 4 = 75000 bytes
    assert two.loss == pytest.approx(20e-6 + 7.5e-6)
    assert two.all_reduced == pytest.approx(75e6 + 90e3 + 30e3 + 75e3)
    assert two.bound_by == 'device'
    expected = 0.02 + 0.34e-3 + 3.75e-3 + 1.012e-3 + 27.5e-6
    assert two.step == pytest.approx(expected)
    assert two.images_per_second == pytest.approx(16 * 20 / expected)


def test_a_machine_uses_its_fast_link():
    eight = step_model(WORK, CLUSTER, 8)
    # 2 x 7/8 x 40e6 = 70e6 bytes over 100e9, half hidden
    assert eight.gradients == pytest.approx(0.35e-3)


def test_machines_of_a_size_given_as_text():
    """A rate of the command line is a float: four machines of 4 GPUs."""
    cluster = CLUSTER._replace(
        **tool('scaling').rates_of(['gpus_a_machine=4'])
    )
    sixteen = step_model(WORK, cluster, 16)
    # 2 x 15/16 x 10000 x 4 bytes; 10 us x (1 + 2 doublings)
    assert sixteen.loss == pytest.approx(30e-6 + 7.5e-6)


def test_a_small_step_takes_what_the_host_needs_to_issue_it():
    small = step_model(WORK._replace(batch=5), CLUSTER, 1)
    assert small.compute == pytest.approx(5e-3)
    assert small.step == small.host == 0.01
    assert small.bound_by == 'host'


def test_data_bound_steps_wait_for_data():
    few = CLUSTER._replace(cores_per_gpu=1)
    slow = step_model(WORK, few, 1)
    assert slow.step == slow.data == pytest.approx(20 / 200)
    assert slow.bound_by == 'data'


def test_all_reduce_volume():
    assert ring_bytes(100, 1) == 0
    assert ring_bytes(100, 4) == 2 * 3 / 4 * 400


@pytest.mark.parametrize(
    ('rate', 'cure'),
    [
        ('speed=1', 'memory_bandwidth'),
        ('flops', 'RATE=VALUE'),
        ('flops=0', 'positive'),
        ('flops=nan', 'positive'),
    ],
)
def test_a_wrong_rate_is_named(rate, cure):
    with pytest.raises(SystemExit, match=f'--set {rate}.*{cure}'):
        tool('scaling').main([str(SMOKE), '--set', rate])


def test_a_config_that_is_not_there_is_named():
    with pytest.raises(SystemExit, match=r'error: .*typo\.py'):
        tool('scaling').main(['configs/typo.py'])


def test_the_tool_counts_the_weights_of_a_config(smoke, capsys):
    scaling = tool('scaling')
    work = scaling.work_of(smoke)
    d, hidden = 16, 64
    block = 3 * d * d + 3 * d + d * d + d + 4 * d  # attention, two norms
    backbone = 2 * (block + 2 * d * 32 + 32 + d) + d  # and cls token
    decoder_block = block + 2 * d * hidden + hidden + d
    projector = d * d + d + decoder_block
    predictor = decoder_block + (2 * d * d + d) + (d * d + d) + d
    assert work.trained == backbone + projector + predictor
    frozen = 3 * 8 * 8 * d + d + 17 * d  # patch embedding and positions
    assert work.averaged == backbone + projector + frozen
    # projector and predictor blocks of two norms; the projector's once more
    # in the target branch, forward only
    assert (work.norms_forward, work.norms_backward) == (6, 4)
    scaling.main([str(SMOKE), '--global-batch', '64', '--set', 'flops=1e9'])
    rows = [
        row.strip('| ').split(' | ')
        for row in capsys.readouterr().out.splitlines()
        if row[2:3].isdigit() and row.startswith('|')
    ]
    expected = ['1 64', '8 8', '16 4', '32 2', '64 1']
    assert [' '.join(row[:2]) for row in rows] == expected
    for row in rows:  # a step is the device's parts, the host's, or data's
        *parts, host, data, step = map(float, row[3:10])
        paces = dict(device=sum(parts), host=host, data=data)
        assert step == pytest.approx(max(paces.values()), abs=0.03)
        assert row[10] == max(paces, key=lambda name: paces[name])
