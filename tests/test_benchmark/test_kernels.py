"""Times of kernels against calls that are known."""

import time

import pytest
import torch

from siameseim.benchmark.kernels import kernel_times


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


@pytest.mark.gpu
def test_the_host_is_ahead_of_long_kernels():
    factor = torch.randn(8192, 8192, device='cuda')

    def run():
        for _ in range(5):
            torch.mm(factor, factor)

    run()
    result = kernel_times(run, 'cuda')
    assert result['launches'] >= 5
    assert result['host_seconds'].median < result['seconds'] / 2
