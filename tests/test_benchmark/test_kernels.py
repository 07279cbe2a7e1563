"""Times of kernels against calls that are known."""

import time
from types import SimpleNamespace

import pytest
import torch
from torch.autograd import DeviceType

from siameseim.benchmark import kernels
from siameseim.benchmark.kernels import kernel_times
from siameseim.benchmark.measure import Settings, measure
from siameseim.benchmark.table import suite_table


def test_products_take_the_time_that_they_are_seen_to_take():
    factor = torch.randn(512, 512)

    def run():
        for _ in range(5):
            torch.mm(factor, factor)

    run()
    start = time.perf_counter()
    for _ in range(3):
        run()
    seconds = (time.perf_counter() - start) / 3
    result = kernel_times(run, 'cpu')
    assert next(iter(result['longest'])) == 'aten::mm'
    assert result['launches'] % 5 == 0  # each product calls others inside
    # A busy machine may slow either of the two.
    assert seconds / 10 < result['seconds'] < seconds * 10
    assert result['longest']['aten::mm'] > 0.9 * result['seconds']
    assert 'host_seconds' not in result


def event(key, device, microseconds, count, annotation=False):
    return SimpleNamespace(
        key=key,
        device_type=device,
        self_device_time_total=microseconds,
        count=count,
        is_user_annotation=annotation,
    )


def test_on_a_gpu_only_kernels_count():
    """Of three steps: not the calls that launch them, nor named ranges."""
    events = [
        event('cudaLaunchKernel', DeviceType.CPU, 0, 9),
        event('short', DeviceType.CUDA, 3e6, 6),
        event('long', DeviceType.CUDA, 6e6, 3),
        event('AdamW.step', DeviceType.CUDA, 9e6, 3, annotation=True),
    ]
    result = kernels._summary(events, cuda=True)
    assert result['seconds'] == 3.0 and result['launches'] == 3
    assert [*result['longest'].items()] == [('long', 2.0), ('short', 1.0)]


def test_the_command_adds_them_and_the_table_shows_them(smoke):
    settings = Settings(batch_size=2, steps=1, kernels=True)
    found = measure(smoke, settings)['kernels_of_a_step']
    assert found['seconds'] > 0
    result = dict(batch_size=2, steps={}, kernels_of_a_step=found)
    line = f'run: launches of the kernels of a step {found["launches"]:.4g}'
    assert line in suite_table(dict(run=result), {})


@pytest.mark.gpu
def test_the_host_is_ahead_of_long_kernels():
    factor = torch.randn(8192, 8192, device='cuda')

    def run():
        for _ in range(5):
            torch.mm(factor, factor)

    run()
    result = kernel_times(run, 'cuda')
    assert result['launches'] == 5
    assert result['host_seconds'].median < result['seconds'] / 2
