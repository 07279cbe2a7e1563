"""k-NN against a slow loop and hand-worked votes."""

import math

import pytest
import torch

from siameseim.errors import InputError
from siameseim.evaluation import knn, labelled
from siameseim.evaluation.knn import accuracies, nearest_neighbours, vote
from siameseim.evaluation.labelled import (
    LabelledFeatures,
    folder_accuracies,
    folder_neighbours,
)
from tests.test_evaluation.plain import loop_predict
from tests.two_processes import run_in_two


def random_case(queries=23, bank=30, classes=4):
    generator = torch.Generator().manual_seed(0)
    return (
        torch.randn(queries, 6, generator=generator),
        torch.randn(bank, 6, generator=generator),
        torch.randint(classes, (bank,), generator=generator),
    )


def predict(features, bank, labels, k, temperature):
    return vote(nearest_neighbours(features, bank, labels, k), k, temperature)


@pytest.mark.parametrize('k', [1, 5, 30])
def test_equals_a_slow_loop(k):
    features, bank, labels = random_case()
    predicted = predict(features, bank, labels, k, 0.3)
    expected = loop_predict(features, bank, labels.tolist(), 4, k, 0.3)
    assert predicted.tolist() == expected


@pytest.mark.parametrize('queries', [1, 8, 1000])
@pytest.mark.parametrize('bank_part', [3, 17, 1000])
def test_parts_do_not_change_the_neighbours(monkeypatch, queries, bank_part):
    features, bank, labels = random_case()
    whole = nearest_neighbours(features, bank, labels, 9)
    monkeypatch.setattr(knn, '_QUERIES', queries)
    monkeypatch.setattr(knn, '_BANK', bank_part)
    parts = nearest_neighbours(features, bank, labels, 9)
    assert parts.labels.equal(whole.labels)
    torch.testing.assert_close(parts.cosines, whole.cosines)


def test_a_centre_is_subtracted_from_both():
    features, bank, labels = random_case()
    centre = bank.mean(0)
    moved = nearest_neighbours(features - centre, bank - centre, labels, 9)
    found = nearest_neighbours(features, bank, labels, 9, centre=centre)
    assert found.labels.equal(moved.labels)
    torch.testing.assert_close(found.cosines, moved.cosines)


def test_a_bank_in_half_precision_finds_the_same_neighbours():
    features, bank, labels = random_case()
    exact = nearest_neighbours(features, bank, labels, 5)
    half = nearest_neighbours(features.half(), bank.half(), labels, 5)
    assert half.cosines.dtype == torch.float32
    torch.testing.assert_close(half.cosines, exact.cosines, atol=2e-3, rtol=0)


def test_several_k_from_one_search():
    features, bank, labels = random_case()
    truth = torch.arange(len(features)) % 4
    found = nearest_neighbours(features, bank, labels, 30)
    scores = accuracies(found, truth, [1, 5, 30], 0.3)
    for k, score in scores.items():
        expected = loop_predict(features, bank, labels.tolist(), 4, k, 0.3)
        right = sum(a == b for a, b in zip(expected, truth, strict=True))
        assert score == pytest.approx(right / len(truth)), k


@pytest.mark.parametrize(
    'options', [{}, dict(temperature=2.0), dict(centred=False)]
)
def test_folders_are_centred_and_vote_as_asked(options, monkeypatch):
    """By default centred, with a temperature of 0.1."""
    features, bank, labels = random_case(queries=200)
    features, bank = features + 1, bank + 1  # what all images share
    truth = torch.arange(200) % 4
    monkeypatch.setattr(labelled, 'pooled_features', lambda *parts: parts[2])
    monkeypatch.setattr(labelled, 'shard', lambda split: split)
    splits = LabelledFeatures(bank, labels), LabelledFeatures(features, truth)
    backbone = torch.nn.Linear(1, 1)
    found = folder_accuracies(backbone, None, splits, [1, 9], **options)
    centre = bank.mean(dim=0) if options.get('centred', True) else 0
    for k in (1, 9):
        expected = loop_predict(
            features - centre, bank - centre, labels.tolist(), 4, k,
            options.get('temperature', 0.1),
        )  # fmt: skip
        right = sum(a == b for a, b in zip(expected, truth, strict=True))
        assert found[k] == pytest.approx(right / 200), k


def neighbours_of_half_the_bank(rank):
    features, bank, labels = random_case()
    known = LabelledFeatures(bank[rank::2], labels[rank::2])
    asked = LabelledFeatures(
        features.chunk(2)[rank], torch.arange(len(features)).chunk(2)[rank]
    )
    found, asked_labels = folder_neighbours(known, asked, 9)
    return *found, asked_labels


def test_two_processes_with_half_the_bank_each_equal_one():
    features, bank, labels = random_case()
    whole = nearest_neighbours(
        features, bank, labels, 9, centre=bank.mean(dim=0)
    )
    for cosines, found, asked in run_in_two(neighbours_of_half_the_bank):
        assert found.equal(whole.labels)
        assert asked.tolist() == list(range(len(features)))
        torch.testing.assert_close(cosines, whole.cosines)


def test_temperature_decides_between_the_nearest_and_the_majority():
    query = torch.tensor([[1.0, 0.0]])
    bank = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.6, -0.8]])
    labels = torch.tensor([0, 1, 1])  # cosines 1, 0.6 and 0.6
    # exp(1 / t) against 2 exp(0.6 / t): equal at t = 0.4 / ln 2 = 0.577
    found = nearest_neighbours(query, bank, labels, 3)
    assert vote(found, 3, 0.5).item() == 0
    assert vote(found, 3, 0.7).item() == 1


def test_a_low_temperature_does_not_overflow():
    query = torch.tensor([[1.0, 0.0]])
    bank = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    labels = torch.tensor([0, 1])
    assert predict(query, bank, labels, 2, 1e-3).item() == 1


def test_what_cannot_vote_is_named():
    with pytest.raises(ValueError, match='3 features and 2 labels'):
        nearest_neighbours(
            torch.ones(1, 2), torch.ones(3, 2), torch.arange(2), 2
        )
    found = nearest_neighbours(*random_case(), 5)
    for k in (0, -1):
        with pytest.raises(ValueError, match=f'k={k} neighbours'):
            nearest_neighbours(*random_case(), k)
        with pytest.raises(ValueError, match=f'k={k} neighbours'):
            vote(found, k)


@pytest.mark.parametrize('temperature', [0.0, -0.1, math.nan])
def test_a_temperature_that_turns_votes_around_is_refused(temperature):
    found = nearest_neighbours(*random_case(), 5)
    with pytest.raises(InputError, match='must be above 0'):
        accuracies(found, torch.zeros(23), [5], temperature)


@pytest.mark.parametrize('bad', [math.nan, math.inf])
@pytest.mark.parametrize('place', [0, 1])
def test_features_that_are_not_finite_have_no_vote(place, bad):
    case = random_case()
    case[place][7, 2] = bad
    found = nearest_neighbours(*case, 5)
    with pytest.raises(InputError, match='features are NaN or infinite'):
        vote(found, 5)
    assert math.isnan(accuracies(found, torch.zeros(23), [5])[5])


@pytest.mark.gpu
def test_a_gpu_finds_what_the_cpu_finds():
    features, bank, labels = random_case(queries=200, bank=5000)
    cpu = nearest_neighbours(features, bank, labels, 9)
    gpu = nearest_neighbours(features, bank, labels, 9, device='cuda')
    torch.testing.assert_close(gpu.cosines, cpu.cosines, atol=1e-5, rtol=0)
