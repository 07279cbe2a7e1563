"""The whitened target against an eigendecomposition in float64."""

import pytest
import torch
from torch.nn.functional import layer_norm

from siameseim.models import SiameseIMHead
from siameseim.models.whitening import inverse_root, whiten
from tests.two_processes import run_in_two


def spectrum(dims: int, smallest: float) -> tuple[torch.Tensor, torch.Tensor]:
    """A covariance of known eigenvalues, and its inverse root."""
    generator = torch.Generator().manual_seed(0)
    square = torch.randn(dims, dims, generator=generator).double()
    basis, _ = torch.linalg.qr(square)
    values = torch.logspace(0, torch.log10(torch.tensor(smallest)), dims)
    values = values.double()
    matrix = basis * values @ basis.T
    return matrix, basis * values.rsqrt() @ basis.T


@pytest.mark.parametrize('smallest', [1e-1, 1e-3, 1e-5])
def test_inverse_root_of_known_eigenvalues(smallest):
    matrix, expected = spectrum(48, smallest)
    found = inverse_root(matrix.float()).double()
    error = (found - expected).norm() / expected.norm()
    assert error < 1e-3


def test_whitened_rows_against_eigenvectors():
    """One direction holds nearly everything, as in a collapsing target."""
    generator = torch.Generator().manual_seed(1)
    rows = 0.1 * torch.randn(500, 32, generator=generator) + 3
    rows += 5 * torch.randn(500, 1, generator=generator)
    centred = (rows - rows.mean(0)).double()
    values, vectors = torch.linalg.eigh(centred.T @ centred / 500)
    values += 0.001 * values.mean()
    expected = centred @ (vectors * values.rsqrt() @ vectors.T)
    torch.testing.assert_close(
        whiten(rows).double(), expected, rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize('whitened', [False, True])
def test_predicting_the_mean_pays_only_without_whitening(whitened):
    """The common part of all targets is what whitening takes away."""
    generator = torch.Generator().manual_seed(3)
    target = torch.randn(8, 16, 32, generator=generator)
    target += torch.randn(32, generator=generator)
    mean = layer_norm(target, (32,)).mean((0, 1))
    head = SiameseIMHead(neg_weight=0.0, whiten_target=whitened)
    zero, common = (
        head.loss(prediction.expand(8, 16, 32), target)['loss_pos'].item()
        for prediction in (torch.zeros(32), mean)
    )
    gain = zero - common
    energy = mean.square().mean().item()
    assert energy > 0.1
    assert gain == pytest.approx(-energy if whitened else energy, abs=1e-4)


def test_a_collapsed_target_is_zero_not_nan():
    assert not whiten(torch.full((50, 8), 3.0)).any()


def whitened(rank: int | None) -> torch.Tensor:
    """All rows, or a process's half of them, whitened."""
    generator = torch.Generator().manual_seed(4)
    rows = torch.randn(200, 8, generator=generator)
    rows = rows @ torch.randn(8, 8, generator=generator)
    rows += torch.arange(200)[:, None] / 100  # the halves differ in mean
    if rank is not None:
        rows = rows[rank * 100 : (rank + 1) * 100]
    return whiten(rows)


def test_two_processes_whiten_as_one():
    torch.testing.assert_close(
        torch.cat(run_in_two(whitened)), whitened(None), rtol=1e-4, atol=1e-4
    )
