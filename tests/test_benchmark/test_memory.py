"""Live bytes of operations whose storages can be listed by hand."""

import torch

from siameseim.benchmark.memory import static_memory, step_memory


def test_peak_of_a_chain_where_the_first_result_is_freed():
    x = torch.zeros(1000)

    def run():
        first = x + 1
        second = first * 2  # 2 x 4000 bytes alive
        del first
        third = second * 3  # the same
        third.view(10, 100).add_(1)  # a view, in place: nothing new
        del second, third
        return x * 5

    assert step_memory(run, 'cpu') == 8000


def test_activations_kept_for_the_backward_pass_count():
    a = torch.ones(1000, requires_grad=True)

    def run():
        a.exp().exp().exp().sum().backward()

    run()
    # Three results; then two gradients beside two of them, or fewer.
    assert 4 * 4000 <= step_memory(run, 'cpu') <= 4 * 4000 + 8


def test_static_memory_counts_weights_buffers_and_moments():
    model = torch.nn.BatchNorm1d(8)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.rand(4, 8)).sum().backward()
    optimizer.step()
    weights, buffers = 2 * 8 * 4, 2 * 8 * 4 + 8
    moments = 2 * (2 * 8 * 4 + 4)  # and a float32 step count each
    assert static_memory(model, optimizer) == weights + buffers + moments
