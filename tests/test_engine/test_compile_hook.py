"""Compiled blocks compute the same, under the same names."""

import pytest
import torch
import torch.multiprocessing as mp
from torch.testing import assert_close

from siameseim.engine import compile_hook
from siameseim.engine.compile_hook import CompileBlocksHook, compile_blocks
from tests.model_fixtures import random_batch, tiny_model


def one_step(compiled, with_cp):
    """Losses, gradients and BatchNorm statistics."""
    torch.manual_seed(0)
    model = tiny_model(with_cp=with_cp).train()
    names = list(model.state_dict())
    if compiled:
        # Traces as inductor does, but computes with torch's own kernels.
        assert compile_blocks(model, backend='aot_eager') == 2 + 1 + 1 + 2 + 1
    assert list(model.state_dict()) == names
    model.update_target(0.9)
    losses = model.loss(*random_batch(4))
    sum(losses.values()).backward()
    gradients = {
        name: parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    return losses, gradients, dict(model.named_buffers())


@pytest.mark.parametrize('with_cp', [False, True])
def test_losses_gradients_and_statistics_are_equal(with_cp):
    for eager, compiled in zip(
        one_step(False, with_cp), one_step(True, with_cp), strict=True
    ):
        assert compiled.keys() == eager.keys()
        for name, value in eager.items():
            assert_close(compiled[name], value, rtol=1e-5, atol=1e-6)


def compare_with_inductor(rank):
    torch.manual_seed(0)
    model = tiny_model().train()
    model.update_target(0.9)
    batch = random_batch(4)
    expected = model.loss(*batch)
    compile_blocks(model)
    for name, value in model.loss(*batch).items():
        assert_close(value, expected[name], rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_inductor_gives_the_same_losses():
    """In a process of its own, whose compiler has seen nothing else."""
    mp.spawn(compare_with_inductor, nprocs=1)


class Recorder:
    """What the hook needs of a runner."""

    def __init__(self, model):
        self.model, self.logger, self.lines = model, self, []

    def info(self, line):
        self.lines.append(line)


def compiled(enabled, **options):
    """What the hook says."""
    runner = Recorder(tiny_model())
    CompileBlocksHook(enabled, backend='aot_eager', **options).before_train(
        runner
    )
    return runner.lines


COMPILED = ['7 transformer blocks will be compiled']


def test_the_hook_compiles_only_when_asked():
    assert compiled(False) == []
    assert compiled(True) == COMPILED


@pytest.mark.parametrize(
    ('cuda', 'processes', 'expected'),
    [(False, 1, []), (True, 1, COMPILED), (True, 2, [])],
)
def test_by_itself_it_compiles_on_one_gpu(
    monkeypatch, cuda, processes, expected
):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: cuda)
    monkeypatch.setattr(compile_hook, 'get_world_size', lambda: processes)
    monkeypatch.setattr(compile_hook, 'has_compiler', lambda: True)
    assert compiled('auto') == expected


def test_without_a_compiler_it_says_so(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setenv('CC', '')
    monkeypatch.setenv('PATH', '')
    (line,) = compiled('auto')
    assert 'no C compiler (install gcc, or set CC)' in line


def test_another_word_is_refused():
    with pytest.raises(ValueError, match="'auto', not 'yes'"):
        CompileBlocksHook('yes')
