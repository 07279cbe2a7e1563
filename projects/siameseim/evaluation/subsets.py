"""Labelled subsets of a data set as lists of file names."""

import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath


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
    path.write_text('\n'.join(files) + '\n')


def read_subset(path: Path, files: Sequence[str]) -> list[int]:
    """Places of the listed images among ``files``.

    Args:
        path (Path): text file with one name a line, with or without the
            class folder. The lists of SimCLR (1percent.txt and
            10percent.txt, https://arxiv.org/abs/2002.05709) are of this form.
        files (Sequence[str]): class folder and file name of each image.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a name is not among the images, or stands for several.
    """
    wanted = [line.strip() for line in path.read_text().splitlines()]
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
    return [places[name][0] for name in wanted]
