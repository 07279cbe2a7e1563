"""The plain baseline computes what the package computes."""

import pytest
import torch
from torch.testing import assert_close

from siameseim.benchmark.plain.copying import plain_copy, plain_name
from siameseim.benchmark.plain.step import PlainStep
from siameseim.benchmark.step import StepBenchmark
from siameseim.datasets import photometric
from tests.model_fixtures import random_batch, tiny_model


def both(norm, grid):
    """Our model and its plain copy after one move of the target."""
    torch.manual_seed(0)
    model = tiny_model(norm, grid).train()
    with torch.no_grad():  # so that the targets have something to follow
        for name, parameter in model.named_parameters():
            if not name.endswith('pos_embed'):
                parameter.add_(0.02 * torch.randn_like(parameter))
    plain = plain_copy(model)
    model.update_target(0.7)
    plain.update_target(0.7)
    return model, plain


def plain_loss(plain, views, samples):
    return plain(
        views,
        samples['mask'].flatten(1),
        samples['boxes'],
        samples['flips'],
        samples['source_width'],
    )


@pytest.mark.parametrize('norm', ['BN', 'LN'])
@pytest.mark.parametrize('grid', [(4, 4), (3, 5)])
def test_loss_and_gradients_are_equal(norm, grid):
    model, plain = both(norm, grid)
    views, samples = random_batch(6, grid)
    loss = sum(model.loss(views, samples).values())
    expected = plain_loss(plain, views, samples)
    assert_close(loss, expected, rtol=2e-6, atol=0)
    loss.backward()
    expected.backward()
    gradients = {
        name: parameter.grad for name, parameter in plain.named_parameters()
    }
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            other = gradients[plain_name(name)]
            error = (parameter.grad - other).norm()
            assert error <= 2e-5 * other.norm() + 1e-8, name


def test_targets_are_equal():
    model, plain = both('BN', (4, 4))
    expected = dict(plain.named_parameters())
    for name, parameter in model.named_parameters():
        if name.startswith('target.') and 'pos_embed' not in name:
            assert_close(parameter, expected[plain_name(name)])


@pytest.mark.parametrize(
    'setting',
    [
        'model.head.whiten_target',
        'model.neck.input_norm',
        'model.backbone.with_cp',
        'model.data_preprocessor.symmetric',
        'train_dataloader.dataset.pipeline.1.on_device',
    ],
)
def test_a_step_with_other_work_is_refused(smoke, setting, monkeypatch):
    monkeypatch.setattr(photometric, 'find_spec', lambda name: True)
    smoke.merge_from_dict({setting: True})
    step = StepBenchmark(smoke, 2, 'cpu')
    name = setting if 'model' in setting else 'on_device of ViewPhotometric'
    with pytest.raises(ValueError, match=f'counterpart for {name}:'):
        PlainStep(smoke, step)
