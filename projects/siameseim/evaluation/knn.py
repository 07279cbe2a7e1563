"""Weighted k-nearest-neighbour classification of frozen features."""

import torch
import torch.nn.functional as F
from torch import Tensor


def knn_predict(
    features: Tensor,
    bank: Tensor,
    bank_labels: Tensor,
    num_classes: int,
    k: int = 20,
    temperature: float = 0.1,
    chunk_size: int = 1024,
) -> Tensor:
    """Classify features by a weighted vote of their nearest neighbours.

    Each of the ``k`` bank features with the largest cosine similarity ``s``
    votes for its label with weight ``exp(s / temperature)``, as in instance
    discrimination (https://arxiv.org/abs/1805.01978).

    Args:
        features (Tensor): (N, C) features to classify, any norm.
        bank (Tensor): (M, C) features whose labels are known.
        bank_labels (Tensor): (M,) int64 labels in [0, num_classes).
        num_classes (int): number of labels.
        k (int): neighbours that vote; all of the bank where it is smaller.
            Defaults to 20.
        temperature (float): smaller values let the nearest decide. Defaults
            to 0.1.
        chunk_size (int): features compared at a time, so that no (N, M)
            matrix is built. Defaults to 1024.

    Returns:
        Tensor: (N,) int64 predicted labels.

    Raises:
        ValueError: if the bank is empty or has another number of labels.
    """
    if len(bank) == 0 or len(bank) != len(bank_labels):
        raise ValueError(
            f'the bank needs one label per feature and at least one, but has '
            f'{len(bank)} features and {len(bank_labels)} labels'
        )
    bank = F.normalize(bank.float(), dim=-1)
    votes_of = F.one_hot(bank_labels, num_classes).float()  # (M, num_classes)
    predictions = []
    for chunk in features.float().split(chunk_size):
        cosines = F.normalize(chunk, dim=-1) @ bank.T  # (n, M)
        nearest, index = cosines.topk(min(k, len(bank)), dim=-1)  # (n, k)
        # Softmax is the same vote divided by its sum and cannot overflow.
        weights = (nearest / temperature).softmax(dim=-1)
        votes = torch.einsum('nk,nkc->nc', weights, votes_of[index])
        predictions.append(votes.argmax(dim=-1))
    return torch.cat(predictions)
