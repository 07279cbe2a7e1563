"""Activation checkpointing changes memory, and nothing else."""

import pytest
import torch
from torch.testing import assert_close

from siameseim.benchmark.memory import step_memory
from siameseim.models import SiameseIM
from tests.model_fixtures import random_batch, step_results, tiny_model
from tests.vit_fixtures import SIZES


def one_step(norm, with_cp):
    torch.manual_seed(0)
    model = tiny_model(norm, with_cp=with_cp).train()
    model.update_target(0.9)
    return step_results(model, model.loss(*random_batch(8)))


@pytest.mark.parametrize('norm', ['BN', 'LN'])
def test_losses_gradients_and_statistics_are_equal(norm):
    stored, recomputed = (one_step(norm, each) for each in (False, True))
    assert_close(recomputed, stored, rtol=0, atol=0)


def test_one_switch_frees_the_activations_of_all_parts():
    """Inside of blocks nothing is kept, whichever part they are of."""
    needed = {}
    for part in ('none', 'backbone', 'all'):
        model = tiny_model(with_cp=part != 'none').train()
        if part == 'backbone':
            for blocks in (model.neck.projector, model.neck.predictor):
                blocks.blocks.with_cp = False
        model.update_target(0.9)
        batch = random_batch(32)

        def run(model=model, batch=batch):
            sum(model.loss(*batch).values()).backward()

        run()  # gradients exist from here on
        needed[part] = step_memory(run, 'cpu')
    assert needed['backbone'] < 0.9 * needed['none'], needed
    assert needed['all'] < 0.9 * needed['backbone'], needed


def test_the_neck_may_keep_what_the_backbone_recomputes():
    model = SiameseIM(
        backbone=dict(type='SiameseIMViT', with_cp=True, **SIZES),
        neck=dict(
            type='SiameseIMNeck', embed_dims=8, num_heads=2, with_cp=False
        ),
        head=dict(type='SiameseIMHead'),
    )
    assert model.backbone.with_cp
    assert not model.neck.predictor.blocks.with_cp
