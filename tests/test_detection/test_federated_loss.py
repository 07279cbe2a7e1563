"""The federated loss against a loop written out over boxes and classes."""

import math

import pytest
import torch

pytest.importorskip('mmcv.ops', exc_type=ImportError)
pytest.importorskip('mmdet')
from siameseim.detection.federated_loss import (
    SiameseIMFederatedLoss,
    count_images,
)

CLASSES = 12


def loss_module(counted=5, counts=None, **kwargs):
    loss = SiameseIMFederatedLoss(CLASSES, counted, **kwargs)
    loss.set_image_counts(torch.ones(CLASSES) if counts is None else counts)
    return loss


def batch(seed=0, boxes=7):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(boxes, CLASSES, generator=generator)
    labels = torch.tensor([3, 3, 8, *[CLASSES] * (boxes - 3)])
    return logits, labels


def slow_loss(logits, labels, counted, weights):
    """Sum over boxes and counted classes, one logarithm at a time."""
    total = 0.0
    for logit, label, weight in zip(logits, labels, weights, strict=True):
        for k in counted:
            probability = 1 / (1 + math.exp(-float(logit[k])))
            right = probability if k == int(label) else 1 - probability
            total -= float(weight) * math.log(right)
    return total


def test_it_equals_the_slow_loop_over_the_counted_classes(monkeypatch):
    loss = loss_module(loss_weight=3.0)
    logits, labels = batch()
    counted = [3, 8, 1, 10]
    monkeypatch.setattr(
        loss, 'counted_classes', lambda _: torch.tensor(counted)
    )
    weights = torch.tensor([1.0, 2.0, 0.5, 1.0, 1.0, 0.0, 1.0])
    expected = slow_loss(logits, labels, counted, weights)
    got = loss(logits, labels, weights, avg_factor=6.0)
    assert float(got) == pytest.approx(3 * expected / 6.0, rel=1e-5)
    expected = slow_loss(logits, labels, counted, [1.0] * 7)
    assert float(loss(logits, labels)) == pytest.approx(
        3 * expected / 7, rel=1e-5
    )


def test_only_counted_classes_get_gradient():
    torch.manual_seed(0)
    loss = loss_module()
    logits, labels = batch()
    logits.requires_grad_()
    loss(logits, labels).backward()
    touched = logits.grad.abs().sum(0).nonzero().flatten()
    # 5 places: classes 3 and 8, the background, two drawn ones.
    assert len(touched) == 4
    assert {3, 8} <= {*touched.tolist()}


def test_classes_are_drawn_by_the_square_root_of_their_images():
    torch.manual_seed(0)
    counts = torch.zeros(CLASSES)
    counts[[3, 0, 1, 2]] = torch.tensor([100.0, 1.0, 4.0, 25.0])
    loss = loss_module(counted=3, counts=counts)
    labels = torch.tensor([3, CLASSES])  # leaves one place
    drawn = [int(loss.counted_classes(labels)[1]) for _ in range(4000)]
    share = [drawn.count(k) / 4000 for k in range(3)]
    # 1 : 2 : 5; 4000 draws are within 0.03 of it but once in 10000 times
    assert share == pytest.approx([1 / 8, 2 / 8, 5 / 8], abs=0.03)


def test_a_batch_with_more_classes_counts_them_all():
    labels = torch.arange(CLASSES)
    counted = loss_module(counted=5).counted_classes(labels)
    assert counted.tolist() == list(range(CLASSES))


def test_without_image_counts_it_says_what_to_add():
    loss = SiameseIMFederatedLoss(CLASSES)
    with pytest.raises(RuntimeError, match='SiameseIMImageCountHook'):
        loss(*batch())


def test_accuracy_is_of_the_boxes_with_an_object():
    labels = torch.tensor([3, 3, 8, CLASSES])
    logits = torch.eye(CLASSES)[[3, 2, 8, 0]]
    found = loss_module().get_accuracy(logits, labels)['acc_objects']
    assert float(found) == pytest.approx(200 / 3)
    found = loss_module().get_accuracy(logits[3:], labels[3:])
    assert found['acc_objects'] == 0


def test_the_background_never_wins():
    scores = loss_module().get_activation(torch.full((2, CLASSES), -9.0))
    assert scores.shape == (2, CLASSES + 1)
    assert (scores[:, -1] == 0).all()


def test_images_are_counted_once_and_through_wrappers():
    class Images:
        def __init__(self, labels):
            self.labels = labels

        def __len__(self):
            return len(self.labels)

        def get_cat_ids(self, index):
            return self.labels[index]

    class Wrapper:
        dataset = Images([[0, 0, 2], [2], []])

    assert count_images(Wrapper(), 4).tolist() == [1, 0, 2, 0]
