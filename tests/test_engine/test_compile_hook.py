"""Compiled blocks compute the same, under the same names."""

from types import SimpleNamespace

import pytest
import torch
import torch.multiprocessing as mp
from torch.testing import assert_close

from siameseim.engine import compile_hook
from siameseim.engine.compile_hook import CompileBlocksHook, compile_blocks
from siameseim.errors import InputError
from siameseim.evaluation.features import patch_features
from tests.model_fixtures import random_batch, step_results, tiny_model


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
    return step_results(model, model.loss(*random_batch(4)))


@pytest.mark.parametrize('with_cp', [False, True])
def test_losses_gradients_and_statistics_are_equal(with_cp):
    eager, compiled = (one_step(each, with_cp) for each in (False, True))
    assert_close(compiled, eager, rtol=1e-5, atol=1e-6)


def losses_with_inductor(rank, path):
    """Saves the losses of one batch, of eager and then of compiled blocks."""
    torch.manual_seed(0)
    model = tiny_model().train()
    model.update_target(0.9)
    batch = random_batch(4)
    eager = model.loss(*batch)
    compile_blocks(model)
    torch.save([eager, model.loss(*batch)], path)


@pytest.mark.slow
def test_inductor_gives_the_same_losses(tmp_path):
    """In a process of its own, whose compiler has seen nothing else."""
    path = tmp_path / 'losses.pt'
    mp.spawn(losses_with_inductor, (path,), nprocs=1)
    eager, compiled = torch.load(path, weights_only=True)
    assert eager.keys() == {'loss_pos', 'loss_neg'}
    assert_close(compiled, eager, rtol=1e-5, atol=1e-6)


def compiled(enabled, **options):
    """What the hook says."""
    lines = []
    logger = SimpleNamespace(info=lines.append)
    runner = SimpleNamespace(model=tiny_model(), logger=logger)
    options = options or dict(backend='aot_eager')
    CompileBlocksHook(enabled, **options).before_train(runner)
    return lines


COMPILED = [
    '7 transformer blocks are compiled in the first step, which takes a '
    'minute or two'
]


def test_a_graph_of_each_block_is_refused():
    with pytest.raises(InputError, match="mode='reduce-overhead' makes"):
        compiled(True, mode='reduce-overhead')


@pytest.mark.parametrize(
    ('enabled', 'cuda', 'said'),
    [
        (False, True, []),
        (True, False, COMPILED),
        ('auto', False, []),
        ('auto', True, COMPILED),
    ],
)
def test_it_compiles_on_gpus_or_as_told(monkeypatch, enabled, cuda, said):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: cuda)
    monkeypatch.setattr(compile_hook, 'missing_for_triton', lambda: None)
    assert compiled(enabled) == said


def test_processes_compile_together_or_not_at_all(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(compile_hook, 'missing_for_triton', lambda: None)
    monkeypatch.setattr(
        compile_hook, 'all_gather_object', lambda own: [own, 'a C compiler']
    )
    (line,) = compiled('auto')
    assert line.endswith('for want of a C compiler')


@pytest.mark.parametrize(
    ('triton', 'commands', 'cc', 'header', 'missing'),
    [
        (True, ['gcc'], None, True, None),
        (True, ['clang'], None, True, None),
        (True, ['icc'], 'icc', True, None),
        (False, ['gcc'], None, True, 'triton, or a GPU that it supports'),
        (True, ['cc'], None, True, 'a C compiler (install gcc, or set CC)'),
        (True, ['gcc'], 'icc', True, 'the C compiler CC=icc'),
        (True, ['gcc'], '', True, 'the C compiler CC='),
        (True, ['ccache'], 'ccache gcc', True, 'compiler CC=ccache gcc'),
        (True, ['gcc'], None, False, 'Python.h (install '),
    ],
)
def test_what_triton_lacks_is_named(
    monkeypatch, tmp_path, triton, commands, cc, header, missing
):
    if header:
        (tmp_path / 'Python.h').touch()
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    monkeypatch.setattr(compile_hook, 'has_triton', lambda: triton)
    monkeypatch.setattr(
        'shutil.which', lambda name: name if name in commands else None
    )
    monkeypatch.setattr('sysconfig.get_path', lambda _: str(tmp_path))
    monkeypatch.delenv('CC', raising=False)
    if cc is not None:
        monkeypatch.setenv('CC', cc)
    if missing is None:
        assert compiled('auto') == COMPILED
    else:
        (line,) = compiled('auto')
        assert line.startswith('blocks are not compiled')
        assert missing in line


def test_evaluations_run_eager():
    """Also in a run whose blocks are compiled, for shapes of their own."""
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph

    model = tiny_model()
    compile_blocks(model, backend=backend)
    patch_features(model.backbone, torch.randn(3, 3, 32, 32))
    assert not graphs
    model.backbone.encode(torch.randn(3, 3, 32, 32))
    assert graphs


def test_another_word_is_refused():
    with pytest.raises(ValueError, match="'auto', not 'yes'"):
        CompileBlocksHook('yes')
