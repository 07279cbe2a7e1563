"""Whitening of a batch of features, for the target of short runs."""

import torch
from mmengine.dist import all_reduce
from torch import Tensor


def inverse_root(covariance: Tensor) -> Tensor:
    """Inverse square root of a positive definite matrix.

    The coupled Newton-Schulz iteration: matrix products only, so that a GPU
    need not report to the host, as it does for eigenvalues. An eigenvalue of
    share s of the trace takes about ``log(1 / s) / log(2.25) + 5`` of the 24
    steps.

    Args:
        covariance (Tensor): (D, D) float32, symmetric.

    Returns:
        Tensor: (D, D), symmetric up to rounding.
    """
    identity = torch.eye(
        len(covariance), dtype=covariance.dtype, device=covariance.device
    )
    trace = covariance.diagonal().sum()
    root, inverse = covariance / trace, identity
    for _ in range(24):
        correction = 1.5 * identity - 0.5 * (inverse @ root)
        root, inverse = root @ correction, correction @ inverse
    return inverse * trace.rsqrt()


@torch.no_grad()
def whiten(rows: Tensor) -> Tensor:
    """Centre features and make their covariance the identity, nearly.

    ``(x - mean) (C + r I)^(-1/2)``, ``r = 0.001 trace(C) / D + 1e-6``, with
    mean and covariance C of the rows of all ranks: of all matrices that
    whiten, the one that changes the features least (ZCA). Directions with far
    less variance than 0.001 of the average stay small in place of becoming
    noise, and equal rows (a collapsed target) become zeros.

    Args:
        rows (Tensor): (N, D) float32; every rank brings the same number.

    Returns:
        Tensor: (N, D).
    """
    mean = rows.mean(dim=0)
    all_reduce(mean, op='mean')
    centred = rows - mean
    covariance = centred.T @ centred / len(rows)  # (D, D)
    all_reduce(covariance, op='mean')
    diagonal = covariance.diagonal()
    diagonal.add_(0.001 * diagonal.mean() + 1e-6)
    return centred @ inverse_root(covariance)
