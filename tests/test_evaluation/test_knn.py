"""k-NN against a slow loop and hand-worked votes."""

import math

import pytest
import torch

from siameseim.evaluation import knn_predict


def loop_predict(features, bank, labels, num_classes, k, temperature):
    """One feature, one neighbour at a time."""
    predictions = []
    for feature in features.tolist():
        cosines = []
        for other in bank.tolist():
            dot = sum(a * b for a, b in zip(feature, other, strict=True))
            cosines.append(dot / math.hypot(*feature) / math.hypot(*other))
        order = sorted(range(len(bank)), key=lambda i: -cosines[i])
        votes = [0.0] * num_classes
        for i in order[:k]:
            votes[labels[i]] += math.exp(cosines[i] / temperature)
        predictions.append(votes.index(max(votes)))
    return predictions


@pytest.mark.parametrize('k', [1, 5, 30])
@pytest.mark.parametrize('chunk_size', [7, 100])
def test_equals_a_slow_loop(k, chunk_size):
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(23, 6, generator=generator)
    bank = torch.randn(30, 6, generator=generator)
    labels = torch.randint(4, (30,), generator=generator)
    predicted = knn_predict(features, bank, labels, 4, k, 0.3, chunk_size)
    expected = loop_predict(features, bank, labels.tolist(), 4, k, 0.3)
    assert predicted.tolist() == expected


def test_temperature_decides_between_the_nearest_and_the_majority():
    query = torch.tensor([[1.0, 0.0]])
    bank = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.6, -0.8]])
    labels = torch.tensor([0, 1, 1])  # cosines 1, 0.6 and 0.6
    # exp(1 / t) against 2 exp(0.6 / t): equal at t = 0.4 / ln 2 = 0.577
    assert knn_predict(query, bank, labels, 2, 3, 0.5).item() == 0
    assert knn_predict(query, bank, labels, 2, 3, 0.7).item() == 1


def test_a_low_temperature_does_not_overflow():
    query = torch.tensor([[1.0, 0.0]])
    bank = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    labels = torch.tensor([0, 1])
    assert knn_predict(query, bank, labels, 2, 2, 1e-3).item() == 1


def test_the_bank_needs_labels():
    with pytest.raises(ValueError, match='3 features and 2 labels'):
        knn_predict(torch.ones(1, 2), torch.ones(3, 2), torch.arange(2), 2)
