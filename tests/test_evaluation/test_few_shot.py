"""The few-shot objective by another solver; lists of files."""

import math

import pytest
import torch
from torch import nn

from siameseim.errors import InputError
from siameseim.evaluation import few_shot
from siameseim.evaluation.few_shot import (
    draw_subset,
    read_subset,
    write_subset,
)


def test_features_are_centred_over_their_own_entries_and_scaled():
    prepared = few_shot.prepare(torch.tensor([[1.0, 2.0, 3.0, 6.0]]))
    # less the mean 3: (-2, -1, 0, 3), of length sqrt(14)
    expected = [x / math.sqrt(14) for x in (-2, -1, 0, 3)]
    assert prepared[0].tolist() == pytest.approx(expected)


@pytest.mark.parametrize('classes', [2, 4])
def test_equals_the_objective_minimised_by_torch(classes):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(40, 6, generator=generator)
    labels = torch.arange(40) % classes
    rows = torch.from_numpy(few_shot.prepare(features))
    weight = torch.zeros(classes, 6, requires_grad=True)
    solver = torch.optim.LBFGS(
        [weight], max_iter=500, line_search_fn='strong_wolfe',
        tolerance_grad=1e-9, tolerance_change=1e-12,
    )  # fmt: skip

    def closure():
        solver.zero_grad()
        loss = nn.functional.cross_entropy(rows @ weight.T, labels)
        loss = loss + 0.1 / 40 * weight.square().sum() / 2
        loss.backward()
        return loss

    solver.step(closure)
    model = few_shot.fit(features, labels)
    torch.testing.assert_close(
        torch.from_numpy(model.predict_proba(rows.numpy())).float(),
        (rows @ weight.T).softmax(dim=1).detach(),
        atol=2e-3,
        rtol=0,
    )


def test_one_class_is_refused():
    with pytest.raises(ValueError, match='at least 2 classes'):
        few_shot.fit(torch.eye(3), torch.zeros(3, dtype=torch.long))


@pytest.mark.parametrize('bad', [math.nan, math.inf])
def test_features_that_are_not_finite_are_refused(bad):
    features = torch.eye(3)
    features[1, 2] = bad
    with pytest.raises(InputError, match='features are NaN or infinite'):
        few_shot.fit(features, torch.arange(3))


FILES = [f'{c}/{c}_{i}.jpg' for c in 'ab' for i in range(20)]
LABELS = [0] * 20 + [1] * 20


@pytest.mark.parametrize(
    ('fraction', 'count'), [(0.01, 1), (0.1, 2), (0.13, 3), (1, 20)]
)
def test_each_class_gives_its_share(fraction, count):
    names = draw_subset(FILES, LABELS, fraction)
    assert names == sorted({*names})
    assert len(names) == 2 * count
    assert sum(name.startswith('a/') for name in names) == count


def test_the_seed_decides_not_the_order_of_the_files():
    drawn = draw_subset(FILES, LABELS, 0.1, seed=3)
    assert drawn == draw_subset(FILES[::-1], LABELS[::-1], 0.1, seed=3)
    assert drawn != draw_subset(FILES, LABELS, 0.1, seed=4)


def test_lists_are_read_with_and_without_folders(tmp_path):
    path = tmp_path / 'lists/1percent.txt'
    write_subset(path, ['b/b_3.jpg', 'a_5.jpg'])
    assert read_subset(path, FILES) == [23, 5]


def test_a_subset_is_a_list_in_utf8(tmp_path, no_utf8_locale):
    write_subset(tmp_path / 'list.txt', ['Löwe/1.jpg'])
    assert read_subset(tmp_path / 'list.txt', ['Löwe/1.jpg']) == [0]


def test_an_empty_list_is_named(tmp_path):
    path = tmp_path / 'list.txt'
    write_subset(path, [])
    with pytest.raises(ValueError, match='list.txt is empty'):
        read_subset(path, FILES)


def test_a_name_that_is_not_there_or_twice_is_named(tmp_path):
    path = tmp_path / 'list.txt'
    write_subset(path, ['a/typo.jpg'])
    with pytest.raises(ValueError, match="'a/typo.jpg' in .* names 0 of"):
        read_subset(path, FILES)
    write_subset(path, ['1.jpg'])
    with pytest.raises(ValueError, match='names 2 of the 2'):
        read_subset(path, ['a/1.jpg', 'b/1.jpg'])


def test_an_image_that_comes_twice_is_refused(tmp_path):
    """With and without its folder; it would count twice."""
    path = tmp_path / 'list.txt'
    write_subset(path, ['a/a_5.jpg', 'b_3.jpg', 'a_5.jpg'])
    with pytest.raises(ValueError, match='has 3 names of 2 images'):
        read_subset(path, FILES)
