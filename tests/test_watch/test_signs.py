"""Signs of collapse against hand-worked cases and slow loops."""

import math

import pytest
import torch
from torch.testing import assert_close

from siameseim.watch.signs import (
    FeatureSigns,
    Limits,
    collapsed,
    effective_rank,
    feature_signs,
    mean_cosine,
    normalised_std,
)


def rand(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_std_is_one_for_directions_everywhere_and_zero_for_one():
    spread = normalised_std(rand(20000, 8)).item()
    assert spread == pytest.approx(1, abs=0.01)
    same = torch.ones(5, 1) * rand(1, 8) * torch.arange(1, 6)[:, None]
    assert normalised_std(same) < 1e-6


def test_std_equals_a_loop():
    x = rand(7, 4)
    rows = [[v / math.hypot(*row) for v in row] for row in x.tolist()]
    total = 0.0
    for column in zip(*rows, strict=True):
        mean = sum(column) / 7
        total += math.sqrt(sum((v - mean) ** 2 for v in column) / 6)
    assert normalised_std(x).item() == pytest.approx(total / 4 * 2, rel=1e-5)


def test_mean_cosine_equals_a_loop_over_pairs():
    x = rand(6, 3)
    cosines = [
        torch.cosine_similarity(x[i], x[j], dim=0)
        for i in range(6)
        for j in range(6)
        if i != j
    ]
    assert_close(mean_cosine(x), torch.stack(cosines).mean())


def test_rank_of_unequal_singular_values_by_hand():
    """Values 3 and 1: shares 3/4, 1/4, entropy 0.5623."""
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    x = torch.diag(torch.tensor([3.0, 1.0]))
    assert effective_rank(x).item() == pytest.approx(math.exp(entropy), 1e-4)


@pytest.mark.parametrize('shape', [(3, 20, 48), (3, 48, 20)])
def test_rank_is_that_of_the_singular_values(shape):
    """Also where they fall over six orders of magnitude, as of features."""
    torch.manual_seed(0)
    x = torch.randn(shape) @ torch.diag(torch.logspace(0, -6, shape[-1]))
    for matrix, found in zip(x + 0.3, effective_rank(x + 0.3), strict=True):
        values = torch.linalg.svdvals(matrix.double())
        shares = values / values.sum() + 1e-7
        expected = torch.exp(-(shares * shares.log()).sum())
        assert found.item() == pytest.approx(expected.item(), rel=1e-4)


def test_patch_rank_sees_images_whose_patches_are_all_alike():
    images = rand(8, 1, 16)
    alike = images.expand(-1, 12, -1)
    signs = FeatureSigns(*feature_signs(alike).tolist())
    assert signs.patch_rank == pytest.approx(1, abs=1e-3)
    assert signs.rank > 5


def test_signs_are_of_image_means_and_of_the_patches_of_eight():
    tokens = rand(9, 5, 7) * torch.arange(1, 6)[:, None]
    tokens[1:, 1:] = tokens[1:, :1]  # images of one direction but the first
    signs = FeatureSigns(*feature_signs(tokens).tolist())
    means = torch.stack([image.mean(dim=0) for image in tokens])
    assert signs.std == pytest.approx(normalised_std(means).item())
    assert signs.cosine == pytest.approx(mean_cosine(means).item(), rel=1e-5)
    assert signs.rank == pytest.approx(effective_rank(means).item(), rel=1e-5)
    ranks = [effective_rank(image).item() for image in tokens[:8]]
    assert signs.patch_rank == pytest.approx(sum(ranks) / 8, rel=1e-5)
    assert ranks[0] > 2 * ranks[1]


def test_one_image_is_refused():
    with pytest.raises(ValueError, match='batch_size'):
        feature_signs(rand(1, 4, 4))


HEALTHY = FeatureSigns(std=0.4, cosine=0.8, rank=20.0, patch_rank=10.0)


@pytest.mark.parametrize(
    ('sign', 'value', 'text'),
    [
        ('std', 0.01, 'same way'),
        ('cosine', 0.9999, 'mean cosine of 0.9999'),
        ('rank', 1.5, 'images have an effective rank of 1.5'),
        ('patch_rank', 1.1, 'patches of an image'),
    ],
)
def test_each_sign_alone_is_reported(sign, value, text):
    now = dict(target=HEALTHY._replace(**{sign: value}))
    (message,) = collapsed(now, dict(target=HEALTHY), Limits())
    assert text in message


@pytest.mark.parametrize(
    ('sign', 'value'),
    [('std', 0.041), ('cosine', 0.9979), ('rank', 3.0), ('patch_rank', 1.5)],
)
def test_what_is_just_within_its_limit_is_not_reported(sign, value):
    """0.1 x 0.4, 0.8 + 0.99 x 0.2, 1 + 0.1 x 19 and 1 + 0.05 x 9."""
    now = dict(target=HEALTHY._replace(**{sign: value}))
    assert collapsed(now, dict(target=HEALTHY), Limits()) == []


@pytest.mark.parametrize('scale', [1e-4, 1e4])
def test_a_rank_does_not_depend_on_the_size_of_features(scale):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(6, 9, generator=generator)
    torch.testing.assert_close(
        effective_rank(scale * features), effective_rank(features)
    )
