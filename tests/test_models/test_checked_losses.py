"""What a loss refuses: weights in half precision, heads without a loss."""

import pytest
import torch

from siameseim.errors import InputError
from tests.model_fixtures import random_batch, tiny_model


@pytest.mark.parametrize('losses', [dict(cosine=torch.zeros(())), 1.0])
def test_a_head_without_a_loss_is_refused(losses):
    model = tiny_model().train()
    model.update_target(0.9)
    model.head.loss = lambda prediction, target: losses
    with pytest.raises(
        InputError, match=r'SiameseIMHead.loss returned (..cos|1\.0)'
    ):
        model.loss(*random_batch(4))


@pytest.mark.parametrize(
    ('losses', 'said'),
    [
        (dict(loss=torch.zeros(()), acc=0.5), r'acc=0\.5 \(float\)'),
        (dict(loss=3), r'loss=3 \(int\)'),
    ],
)
def test_what_a_head_returns_that_is_no_tensor_is_named(losses, said):
    model = tiny_model().train()
    model.update_target(0.9)
    model.head.loss = lambda prediction, target: losses
    with pytest.raises(
        InputError,
        match=f'SiameseIMHead.loss returned {said}: values must be tensors',
    ):
        model.loss(*random_batch(4))


@pytest.mark.parametrize('dtype', [torch.half, torch.bfloat16])
def test_weights_in_half_precision_are_refused(dtype):
    model = tiny_model().train().to(dtype)
    model.update_target(0.9)
    with pytest.raises(InputError, match=f'weights are {dtype}: .*autocast'):
        model.loss(*random_batch(4))


def test_a_head_may_return_lists_of_terms():
    model = tiny_model().train()
    model.update_target(0.9)
    terms = dict(loss=[torch.ones(()), torch.ones(())])
    model.head.loss = lambda prediction, target: terms
    losses = model.loss(*random_batch(4))
    assert model.parse_losses(losses)[0] == 2
