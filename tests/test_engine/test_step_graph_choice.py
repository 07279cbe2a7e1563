"""When steps are replayed, and what is said where they are not."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.runner import BaseLoop

from siameseim.engine import StepGraphHook, step_graph
from siameseim.engine.step_graph import replay_steps
from siameseim.errors import InputError
from siameseim.models.norm import TokenBN
from tests.model_fixtures import tiny_model


def lines_of(hook, model):
    """What the hook says before training."""
    lines = []
    logger = SimpleNamespace(info=lines.append)
    hook.before_train(SimpleNamespace(model=model, logger=logger))
    return lines


def told(monkeypatch, enabled='auto', cuda=True, model=None, **backbone):
    """What the hook says, and whether the model's steps will be replayed."""
    model = model or tiny_model(**backbone)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: cuda)
    where = SimpleNamespace(type='cuda' if cuda else 'cpu')
    weights = [SimpleNamespace(device=where)]
    monkeypatch.setattr(model, 'parameters', lambda: iter(weights))
    hook = StepGraphHook(enabled)
    lines = lines_of(hook, model)
    return lines, 'loss' in vars(model)


def test_steps_are_replayed_on_one_gpu(monkeypatch):
    lines, replayed = told(monkeypatch)
    assert replayed and lines == ['steps are replayed as CUDA graphs']


def test_a_training_that_fails_gives_the_graphs_back():
    model = tiny_model()

    class Loop(BaseLoop):
        def __init__(self):
            pass

        def run(self):
            replay_steps(model)
            raise ArithmeticError

    runner = SimpleNamespace(model=model, _train_loop=Loop())
    StepGraphHook().before_run(runner)
    with pytest.raises(ArithmeticError):
        runner._train_loop.run()
    assert 'loss' not in vars(model)


def test_nothing_is_said_without_a_gpu_or_wish(monkeypatch):
    assert told(monkeypatch, cuda=False) == ([], False)
    assert told(monkeypatch, enabled=False) == ([], False)


def test_what_hinders_is_said_or_refused(monkeypatch):
    (line,), replayed = told(monkeypatch, with_cp=True)
    assert 'with_cp=True recomputes' in line and not replayed
    with pytest.raises(InputError, match='with_cp=True recomputes'):
        told(monkeypatch, enabled=True, with_cp=True)


def test_a_part_of_ones_own_is_replayed_if_asked_for(monkeypatch):
    model = tiny_model()
    own = type('OwnNorm', (TokenBN,), dict(__module__='mine'))
    model.neck.projector.blocks[0].ln1.__class__ = own
    (line,), replayed = told(monkeypatch, model=model)
    assert 'OwnNorm is not of this package' in line and not replayed
    assert told(monkeypatch, enabled=True, model=model)[1]


def test_a_wish_for_what_a_cpu_cannot_do_is_refused(monkeypatch):
    with pytest.raises(InputError, match='the model is on none'):
        told(monkeypatch, enabled=True, cuda=False)


def test_another_algorithm_is_let_be(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    (line,) = lines_of(StepGraphHook(), torch.nn.Linear(1, 1))
    assert 'Linear is no SiameseIM' in line


@pytest.mark.parametrize(
    ('owner', 'name', 'value', 'said'),
    [
        (torch.version, 'hip', '6.0', 'ROCm'),
        (step_graph, 'is_distributed', lambda: True, 'several processes'),
    ],
)
def test_what_was_not_tried_is_not_replayed(
    monkeypatch, owner, name, value, said
):
    monkeypatch.setattr(owner, name, value)
    (line,), replayed = told(monkeypatch)
    assert said in line and not replayed


def test_another_word_is_refused():
    with pytest.raises(ValueError, match="'auto', not 'yes'"):
        StepGraphHook('yes')
