"""Weighted k-nearest-neighbour classification of frozen features.

Shape legend: N features to classify, M features of the bank, C width,
k neighbours.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from .features import check_finite

# Compared at a time, which makes 134 MB of cosines.
_QUERIES, _BANK = 1024, 32768


class Neighbours(NamedTuple):
    """The nearest bank features of some queries, nearest first."""

    cosines: Tensor  # (N, k) float32
    labels: Tensor  # (N, k) int64 labels of the neighbours


@torch.no_grad()
def nearest_neighbours(
    features: Tensor,
    bank: Tensor,
    bank_labels: Tensor,
    k: int,
    device: torch.device | str | None = None,
    centre: Tensor | None = None,
) -> Neighbours:
    """The k bank features with the largest cosine similarity.

    No (N, M) matrix is built: the best k so far are kept while the bank is
    gone through. ImageNet-1k's 1.28 M x 768 bank takes 2 GB in half
    precision on the CPU, of which one chunk at a time is on the device.

    Args:
        features (Tensor): (N, C) of any norm and floating type.
        bank (Tensor): (M, C) likewise; products are taken in float32.
        bank_labels (Tensor): (M,) int64.
        k (int): neighbours; all of the bank where it is smaller. One that
            is not finite has the cosine NaN and comes first.
        device (torch.device | str, optional): where products are taken.
            Defaults to None: where ``features`` are.
        centre (Tensor, optional): (C,) float32 vector to subtract from all
            features. Defaults to None.

    Returns:
        Neighbours: on the CPU.

    Raises:
        ValueError: if the bank is empty or has another number of labels, or
            k is not positive.
    """
    if len(bank) == 0 or len(bank) != len(bank_labels):
        raise ValueError(
            f'the bank needs one label per feature and at least one, but has '
            f'{len(bank)} features and {len(bank_labels)} labels'
        )
    _check(k)
    device = torch.device(device) if device else features.device
    queries = [
        _unit(part, device, centre) for part in features.split(_QUERIES)
    ]
    best = [_none_yet(part) for part in queries]
    for rows, labels in zip(
        bank.split(_BANK), bank_labels.split(_BANK), strict=True
    ):
        rows, labels = _unit(rows, device, centre), labels.to(device)
        for i, query in enumerate(queries):
            cosines = query @ rows.T  # (n, C) @ (C, m) -> (n, m)
            near, index = cosines.topk(min(k, len(rows)), dim=-1)
            best[i] = merge([best[i], Neighbours(near, labels[index])], k)
    return Neighbours(
        *(torch.cat(parts).cpu() for parts in zip(*best, strict=True))
    )


def merge(parts: Iterable[Neighbours], k: int) -> Neighbours:
    """The k nearest of several parts of the bank, all if there are fewer.

    All parts are of the same queries.
    """
    cosines, labels = (torch.cat(p, dim=1) for p in zip(*parts, strict=True))
    near, index = cosines.topk(min(k, cosines.shape[1]), dim=-1)
    return Neighbours(near, labels.gather(1, index))


def vote(found: Neighbours, k: int, temperature: float = 0.1) -> Tensor:
    """Labels that the k nearest vote for.

    A neighbour with cosine similarity ``s`` votes for its label with weight
    ``exp(s / temperature)``, as in instance discrimination
    (https://arxiv.org/abs/1805.01978).

    Args:
        found (Neighbours): at least k columns, or the whole bank.
        k (int): how many of them vote.
        temperature (float): smaller values let the nearest decide. Defaults
            to 0.1.

    Returns:
        Tensor: (N,) int64 predicted labels.

    Raises:
        InputError: if k or the temperature is not positive, or the features
            of some were NaN or infinite.
    """
    _check(k)
    if not temperature > 0:
        raise InputError(
            f'temperature={temperature} of the vote must be above 0, as 0.1'
        )
    check_finite(found.cosines)
    cosines, labels = found.cosines[:, :k], found.labels[:, :k]
    # Softmax is the same vote divided by its sum and cannot overflow.
    weights = (cosines / temperature).softmax(dim=-1)
    votes = weights.new_zeros(len(weights), int(labels.max()) + 1)
    return votes.scatter_add_(1, labels, weights).argmax(dim=-1)


def accuracies(
    found: Neighbours,
    labels: Tensor,
    ks: Sequence[int],
    temperature: float = 0.1,
) -> dict[int, float]:
    """Share of right votes for each number of neighbours.

    NaN if the features of some images were: a training that measures them
    goes on.

    Args:
        found (Neighbours): with ``max(ks)`` columns, or the whole bank.
        labels (Tensor): (N,) true labels.
        ks (Sequence[int]): numbers of neighbours.
        temperature (float): as for ``vote``. Defaults to 0.1.
    """
    if not found.cosines.isfinite().all():
        return dict.fromkeys(ks, math.nan)
    right = {k: vote(found, k, temperature) == labels for k in ks}
    return {k: each.double().mean().item() for k, each in right.items()}


def _check(k: int) -> None:
    if k < 1:
        raise InputError(f'k={k} neighbours cannot vote: give at least 1')


def _unit(rows: Tensor, device: torch.device, centre: Tensor | None) -> Tensor:
    """Rows, less the centre, of length 1 in float32 on the device."""
    rows = rows.to(device).float()
    if centre is not None:
        rows = rows - centre.to(device)
    return F.normalize(rows, dim=-1)


def _none_yet(queries: Tensor) -> Neighbours:
    none = queries.new_empty(len(queries), 0)
    return Neighbours(none, none.long())
