"""The whitened patch embedding against the patches it was made from."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.logging import MMLogger
from torch import nn
from torch.nn import functional as F
from torch.utils.data import default_collate

from siameseim.engine import PatchWhiteningHook
from siameseim.engine.patch_whitening_hook import whiten_projection
from tests.model_fixtures import random_batch, tiny_model
from tests.two_processes import run_in_two


def bright_patches(count: int, size: int) -> torch.Tensor:
    """Noise whose largest direction, by far, is the mean of a patch."""
    generator = torch.Generator().manual_seed(0)
    noise = 0.1 * torch.randn(count, 3 * size**2, generator=generator)
    return noise + 2 + torch.randn(count, 1, generator=generator)


@pytest.mark.parametrize('channels', [12, 8])
def test_outputs_are_uncorrelated_and_of_the_old_size(channels):
    patches = bright_patches(5000, 2)
    projection = nn.Conv2d(3, channels, 2, 2)
    images = patches.view(-1, 3, 2, 2)
    before = projection(images).square().mean()
    whiten_projection(projection, patches, ridge=0.0)
    rows = projection(images).flatten(1)
    size = before.item()
    torch.testing.assert_close(
        rows.mean(0), torch.zeros(channels), atol=1e-4, rtol=0
    )
    torch.testing.assert_close(
        rows.T @ rows / 5000,
        size * torch.eye(channels),
        atol=0.01 * size,
        rtol=0,
    )


def test_a_ridge_keeps_what_is_small_small():
    """Eigenvalues 12 and eleven of 0.01 with the ridge at their mean, 1."""
    patches = bright_patches(50000, 2)
    projection = nn.Conv2d(3, 12, 2, 2)
    whiten_projection(projection, patches, ridge=1.0)
    rows = projection(patches.view(-1, 3, 2, 2)).flatten(1)
    values = torch.linalg.eigvalsh(rows.T @ rows)
    expected = (12 / 13.01) / (0.01 / 1.01)
    ratio = (values[-1] / values[:-1].mean()).item()
    assert ratio == pytest.approx(expected, rel=0.1)


class Images:
    """Items as the pretraining dataset makes them."""

    def __len__(self):
        return 6

    def __getitem__(self, index):
        (view1, view2), samples = random_batch(1, seed=index)
        samples = {name: value[0] for name, value in samples.items()}
        views = [view1[0] + index, view2[0]]
        return dict(inputs=views, data_samples=samples)


WHITENED = {
    f'{branch}backbone.patch_embed.projection.{kind}'
    for branch in ('', 'target.')
    for kind in ('weight', 'bias')
}


class AsItIs(nn.Module):
    def forward(self, batch, training):
        return batch


@pytest.fixture
def runner():
    return new_runner()


def new_runner():
    model = tiny_model()
    model.data_preprocessor = AsItIs()
    return SimpleNamespace(
        _has_loaded=False,
        model=model,
        logger=MMLogger.get_instance('patch whitening'),
        train_dataloader=SimpleNamespace(
            dataset=Images(), collate_fn=default_collate
        ),
    )


def test_images_that_come_again_are_not_taken_for_others(runner):
    taken = []

    class Repeated(Images):
        repeats = 4

        def __len__(self):
            return 24

        def __getitem__(self, index):
            taken.append(index % 6)
            return super().__getitem__(index % 6)

    runner.train_dataloader.dataset = Repeated()
    PatchWhiteningHook(images=3).before_train(runner)
    assert sorted(taken) == [0, 2, 4]


def test_both_branches_get_the_weights_and_keep_the_rest(runner):
    model = runner.model
    before = {k: v.clone() for k, v in model.state_dict().items()}
    PatchWhiteningHook(images=6).before_train(runner)
    changed = {
        name
        for name, value in model.state_dict().items()
        if not torch.equal(value, before[name])
    }
    assert changed == WHITENED
    views = [Images()[i]['inputs'] for i in range(6)]
    images = torch.stack([view for pair in views for view in pair])
    embed = model.target.backbone.patch_embed.projection
    torch.testing.assert_close(
        F.conv2d(images, embed.weight, embed.bias, 4).mean((0, 2, 3)),
        torch.zeros(16),
        atol=1e-4,
        rtol=0,
    )


def whitened(rank):
    """State of a process whose rotation is drawn from a seed of its own."""
    runner = new_runner()
    torch.manual_seed(rank)
    PatchWhiteningHook(images=6).before_train(runner)
    return runner.model.state_dict()


def test_two_processes_get_the_weights_of_the_first():
    first, second, other = *run_in_two(whitened), whitened(1)
    for name in WHITENED:
        assert torch.equal(first[name], second[name]), name
        assert not torch.equal(first[name], other[name]), name


@pytest.mark.parametrize('origin', ['resumed', 'init_cfg'])
def test_a_run_that_starts_from_weights_keeps_them(runner, origin):
    runner._has_loaded = origin == 'resumed'
    if origin == 'init_cfg':
        pretrained = dict(type='Pretrained', checkpoint='weights.pth')
        runner.model.backbone.init_cfg = pretrained
    weight = runner.model.backbone.patch_embed.projection.weight
    before = weight.clone()
    PatchWhiteningHook().before_train(runner)
    assert torch.equal(weight, before)


@pytest.mark.parametrize('options', [dict(images=0), dict(ridge=-0.1)])
def test_values_that_cannot_be_are_named(options):
    (name, value), *_ = options.items()
    with pytest.raises(ValueError, match=f'{name}={value}'):
        PatchWhiteningHook(**options)


def test_another_method_has_no_frozen_embedding(runner):
    runner.model = AsItIs()
    with pytest.raises(ValueError, match='AsItIs, not a SiameseIM'):
        PatchWhiteningHook().before_train(runner)


def test_too_few_patches_without_a_ridge_are_an_error():
    with pytest.raises(ValueError, match='5 patches of 12 values'):
        whiten_projection(
            nn.Conv2d(3, 12, 2, 2), bright_patches(5, 2), ridge=0.0
        )
