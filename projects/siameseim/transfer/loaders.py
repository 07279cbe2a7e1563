"""The data of a config: its loaders, their data sets, its metrics."""

import sys
from typing import Any

from mmengine.config import Config, ConfigDict


def loaders(cfg: Config) -> dict[str, ConfigDict]:
    """The data loaders that a config has, by split."""
    found = {s: cfg.get(f'{s}_dataloader') for s in ('train', 'val', 'test')}
    return {split: one for split, one in found.items() if one is not None}


def metrics(cfg: Config, split: str) -> list[ConfigDict]:
    """The metrics of a split."""
    found = cfg.get(f'{split}_evaluator') or []
    return [found] if isinstance(found, dict) else found


def spawn_on_mac(cfg: Config) -> None:
    """Let a Mac spawn the workers, as in pretraining: forked ones can crash.

    Those of the toolboxes' own configs fork.
    """
    if sys.platform == 'darwin':
        spawned = {'env_cfg.mp_cfg.mp_start_method': 'spawn'}
        cfg.merge_from_dict(spawned)


def inner_datasets(dataset: Any) -> list[Any]:
    """The data sets inside repeating, balancing and joining wrappers.

    Args:
        dataset (Dataset | ConfigDict): a data set, or its config.
    """
    if hasattr(dataset, 'datasets'):
        return [
            inner
            for part in dataset.datasets
            for inner in inner_datasets(part)
        ]
    if hasattr(dataset, 'dataset'):
        return inner_datasets(dataset.dataset)
    return [dataset]
