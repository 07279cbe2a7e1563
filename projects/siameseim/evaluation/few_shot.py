"""Few labels on frozen features: which ones, and the protocol of MSN.

Multinomial logistic regression without intercept on features that are
centred and scaled to length 1 (https://arxiv.org/abs/2204.07141, appendix).
"""

import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from .features import check_finite

PENALTY = 0.1  # before it is divided by the number of labels
MAX_ITER = 1000  # of L-BFGS; it warns where these do not suffice


def prepare(features: Tensor) -> np.ndarray:
    """Centre each row of (N, C) over its own entries, then scale it to 1.

    That is what MSN's evaluation does: it centres rows, not columns, so no
    statistics pass from training to test images. The result is float32.

    Raises:
        InputError: if some are NaN or infinite.
    """
    check_finite(features)
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
    """Share of right predictions: (N, C) features as encoded, (N,) labels."""
    return float(model.score(prepare(features), labels.numpy()))


def draw_subset(
    files: Sequence[str], labels: Sequence[int], fraction: float, seed: int = 0
) -> list[str]:
    """Choose a share of each class at random.

    Args:
        files (Sequence[str]): class folder and file name of each image.
        labels (Sequence[int]): their labels.
        fraction (float): share of each class in (0, 1], rounded; at least
            one image.
        seed (int): the same seed gives the same list. Defaults to 0.

    Returns:
        list[str]: sorted.
    """
    by_class = defaultdict(list)
    for file, label in zip(files, labels, strict=True):
        by_class[label].append(file)
    generator = random.Random(seed)
    chosen = []
    for label in sorted(by_class):
        pool = sorted(by_class[label])
        count = max(round(fraction * len(pool)), 1)
        chosen += generator.sample(pool, count)
    return sorted(chosen)


def write_subset(path: Path, files: Sequence[str]) -> None:
    """Write a list, one file name a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text('\n'.join(files) + '\n', 'utf-8')


def read_subset(path: Path, files: Sequence[str]) -> list[int]:
    """Places of the listed images among ``files``.

    Args:
        path (Path): text file with one name a line, with or without the
            class folder. The lists of SimCLR (1percent.txt and
            10percent.txt, https://arxiv.org/abs/2002.05709) are of this form.
        files (Sequence[str]): class folder and file name of each image.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a name is not among the images, or stands for several,
            or an image comes twice.
    """
    wanted = [line.strip() for line in path.read_text('utf-8').splitlines()]
    wanted = [name for name in wanted if name]
    places: dict[str, list[int]] = defaultdict(list)
    for i, file in enumerate(files):
        for name in {file, PurePosixPath(file).name}:
            places[name].append(i)
    for name in wanted:
        if len(places[name]) != 1:
            raise ValueError(
                f'{name!r} in {path} names {len(places[name])} of the '
                f'{len(files)} images: give the list that belongs to this '
                'data set, with class folders where names repeat'
            )
    if not wanted:
        raise ValueError(f'the list {path} is empty')
    found = [places[name][0] for name in wanted]
    if len({*found}) < len(found):
        raise ValueError(
            f'the list {path} has {len(found)} names of {len({*found})} '
            'images: leave out those that come again'
        )
    return found
