"""Every frozen-feature measure of a checkpoint."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.device import get_device

from ..atomic_file import write_complete
from ..datasets.class_folders import split_folders
from . import few_shot, frozen
from .feature_cache import NamedFeatures, cached_features
from .knn import accuracies
from .labelled import folder_neighbours, labelled_splits
from .linear_probe import probe_config, run_probe
from .report import Row
from .robustness import load_classifier
from .robustness_table import UNMEASURED, failed_row, robustness_rows


@dataclass(frozen=True)
class SuiteOptions:
    """What to measure, and how."""

    data: str  # folder with train and val (or test)
    out: Path  # where lists, the linear probe and the cache go
    linear_config: str  # config of the linear probe
    ks: Sequence[int]  # numbers of neighbours
    temperature: float  # of the k-NN vote
    # file with the names of a subset, by its fraction; drawn where None
    lists: dict[float, str | None]
    seed: int  # of the drawn subsets
    epochs: int | None  # of the linear probe; 0: none, None: the config's
    probe_batch: int | None  # images a step of the linear probe
    probe_workers: int | None  # its loading processes; None: the config's
    # folders by option, for the robustness of the linear classifier
    shifted: Mapping[str, str | None]
    device: str | None  # None: a GPU if there is one
    loading: dict[str, Any]  # as for ``pooled_features``


def run_suite(
    backbone: dict[str, Any], options: SuiteOptions
) -> Iterator[Row]:
    """Encode both splits once, then measure; a row comes when it is known."""
    bank, queries = _encode(backbone, options)
    note = f'{options.data}, {len(queries.files)} images'
    yield from knn_rows(bank, queries, options, note)
    yield from few_shot_rows(bank, queries, options, note)
    if options.epochs == 0:
        yield Row('linear probe', None, 'left out (--epochs 0)')
    else:
        yield from linear_rows(backbone, options, note)


def knn_rows(
    bank: NamedFeatures,
    queries: NamedFeatures,
    options: SuiteOptions,
    note: str,
) -> list[Row]:
    """k-NN accuracy for each k; a k beyond the bank is not measured."""
    images = len(bank.files)
    ks = [k for k in options.ks if k <= images]
    skipped = [
        Row(f'k-NN, k={k}', None, f'only {images} training images')
        for k in options.ks
        if k > images
    ]
    if not ks:
        return skipped
    device = options.device or get_device()
    found, labels = folder_neighbours(bank, queries, max(ks), device=device)
    scores = accuracies(found, labels, ks, options.temperature)
    rows = [Row(f'k-NN, k={k}', 100 * s, note) for k, s in scores.items()]
    return rows + skipped


def few_shot_rows(
    bank: NamedFeatures,
    queries: NamedFeatures,
    options: SuiteOptions,
    note: str,
) -> list[Row]:
    """Logistic regression on each labelled subset.

    On cls tokens, as the published figures, and on mean patch tokens; of a
    backbone without cls token on the latter alone.
    """
    rows = []
    tokens = [(', mean patch token', bank.features, queries.features)]
    if not bank.cls.equal(bank.features):
        tokens.insert(0, ('', bank.cls, queries.cls))
    for fraction, given in options.lists.items():
        path, origin = _list_of(fraction, given, bank, options)
        places = few_shot.read_subset(path, bank.files)
        name = _few_shot_name(fraction, len(places), len(bank.files))
        for token, known, asked in tokens:
            model = few_shot.fit(known[places], bank.labels[places])
            score = few_shot.accuracy(model, asked, queries.labels)
            told = f'{note}; {len(places)} labels, {origin}'
            rows.append(Row(name + token, 100 * score, told))
    return rows


def _few_shot_name(fraction: float, labels: int, images: int) -> str:
    """By its share, unless so few images make that another one."""
    share = f'{100 * fraction:g} %'
    if round(100 * labels / images) == round(100 * fraction):
        return f'few-shot {share}'
    return f'few-shot, {labels} of {images} labels in place of {share}'


def linear_rows(
    backbone: dict[str, Any], options: SuiteOptions, note: str
) -> Iterator[Row]:
    """The linear probe, and the robustness of its classifier."""
    if not frozen.checkpoint_of(backbone):
        backbone = _kept(backbone, options.out / 'untrained.pth')
    cfg = probe_config(
        options.linear_config,
        backbone,
        options.data,
        options.out / 'linear',
        options.epochs,
        options.probe_batch,
        options.probe_workers,
    )
    batch = cfg.train_dataloader.batch_size
    score, checkpoint, failure = run_probe(cfg, options.device)
    how = f'{cfg.train_cfg.max_epochs} epochs, {batch} images a step'
    told = filter(None, [note, how, failure])
    yield Row('linear probe', score, '; '.join(told))
    try:
        classifier = load_classifier(cfg, checkpoint, device=options.device)
    except UNMEASURED as error:
        yield failed_row('linear: robustness', error)
    else:
        yield from robustness_rows(classifier, options.shifted, 'linear')


def _encode(
    backbone: dict[str, Any], options: SuiteOptions
) -> list[NamedFeatures]:
    vit, preprocessor = frozen.frozen_backbone(backbone, options.device)
    train, val = split_folders(options.data)
    return [
        cached_features(
            vit,
            preprocessor,
            images,
            options.out / 'features',
            frozen.checkpoint_of(backbone),
            **options.loading,
        )
        for images in labelled_splits(train, val, vit.img_size)
    ]


def _kept(backbone: dict[str, Any], path: Path) -> dict[str, Any]:
    """An untrained backbone with the weights that ``_encode`` gave it."""
    vit, _ = frozen.frozen_backbone(backbone, 'cpu')
    write_complete(path, lambda part: torch.save(vit.state_dict(), part))
    return {
        **backbone,
        'init_cfg': dict(type='Pretrained', checkpoint=str(path)),
    }


def _list_of(
    fraction: float,
    given: str | None,
    bank: NamedFeatures,
    options: SuiteOptions,
) -> tuple[Path, str]:
    """File with the names of a subset, drawn and written if not given."""
    if given:
        return Path(given), given
    name = f'{100 * fraction:g}percent_seed{options.seed}.txt'
    path = options.out / name
    labels = bank.labels.tolist()
    drawn = few_shot.draw_subset(bank.files, labels, fraction, options.seed)
    few_shot.write_subset(path, drawn)
    return path, f'drawn by seed {options.seed}, not the official list'
