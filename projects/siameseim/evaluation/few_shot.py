"""Few labels on frozen features: the protocol of MSN.

Multinomial logistic regression without intercept on features that are
centred and scaled to length 1 (https://arxiv.org/abs/2204.07141, appendix).
"""

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

PENALTY = 0.1  # before it is divided by the number of labels
MAX_ITER = 1000  # of L-BFGS; it warns where these do not suffice


def prepare(features: Tensor) -> np.ndarray:
    """Centre each feature vector over its own entries, then scale it to 1.

    That is what MSN's evaluation does: it centres rows, not columns, so no
    statistics pass from training to test images.

    Args:
        features (Tensor): (N, C) of any floating type.

    Returns:
        np.ndarray: (N, C) float32.
    """
    rows = features.float()
    rows = rows - rows.mean(dim=1, keepdim=True)
    return torch.nn.functional.normalize(rows, dim=1).numpy()


def fit(features: Tensor, labels: Tensor) -> LogisticRegression:
    """Minimise mean cross-entropy + (PENALTY / n) * ||W||^2 / 2.

    scikit-learn minimises C * (sum of cross-entropies) + ||W||^2 / 2. That is
    the same times n * C if C = 1 / PENALTY, whatever n is.

    Args:
        features (Tensor): (n, C) as encoded; prepared in here.
        labels (Tensor): (n,) int64.

    Raises:
        ValueError: if there are fewer than two classes.
    """
    # For two classes scikit-learn has one weight vector v = w1 - w0. At the
    # optimum w1 = -w0, so ||w0||^2 + ||w1||^2 = ||v||^2 / 2: twice the C.
    scale = 2 if len(labels.unique()) == 2 else 1
    model = LogisticRegression(
        C=scale / PENALTY, fit_intercept=False, tol=1e-4, max_iter=MAX_ITER
    )
    return model.fit(prepare(features), labels.numpy())


def accuracy(
    model: LogisticRegression, features: Tensor, labels: Tensor
) -> float:
    """Share of right predictions.

    Args:
        model (LogisticRegression): from ``fit``.
        features (Tensor): (N, C) as encoded.
        labels (Tensor): (N,) int64.
    """
    return float(model.score(prepare(features), labels.numpy()))
