"""What a run of the comparison is of, so that no other is taken for it."""

import hashlib
import json
from pathlib import Path
from typing import Any

from mmengine.config import Config

# Parts of a config that say what is learned, and how.
_PARTS = (
    'model',
    'train_pipeline',
    'train_dataloader',
    'optim_wrapper',
    'param_scheduler',
    'auto_scale_lr',
    'train_cfg',
    'custom_hooks',
)
_FILE = 'options.json'


def config_digests(cfg: Config) -> dict[str, str]:
    """A digest of each part of a row's config, before data are put in."""
    parts = cfg.to_dict()
    if 'train_dataloader' in parts:  # how it is loaded does not matter
        parts['train_dataloader'].pop('num_workers', None)
    return {
        name: _digest(json.dumps(parts[name], sort_keys=True, default=str))
        for name in _PARTS
        if name in parts
    }


def data_digest(*splits: Path) -> str:
    """A digest of names and sizes of all files in some folders."""
    return _digest(
        ''.join(
            f'{path.relative_to(split)} {path.stat().st_size}\n'
            for split in splits
            for path in sorted(split.rglob('*'))
            if path.is_file()
        )
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:12]


def keep_identity(work_dir: Path, identity: dict[str, Any]) -> None:
    """Write down what a run is of; refuse to resume it as another.

    Args:
        work_dir (Path): of the run; created.
        identity (dict[str, Any]): what must not change, for JSON.

    Raises:
        ValueError: if the run in this folder was begun with another.
    """
    path = work_dir / _FILE
    if (work_dir / 'last_checkpoint').exists() and path.exists():
        begun = json.loads(path.read_text())
        changed = [
            name for name in identity if begun.get(name) != identity[name]
        ]
        if changed:
            raise ValueError(
                f'{work_dir} was begun otherwise: '
                + '; '.join(
                    f'{name} was {begun.get(name)}, is {identity[name]}'
                    for name in changed
                )
                + '. Go on as it was begun (config: the file of the row and '
                'all that it builds on; data: names and sizes of all files), '
                'or give another --label'
            )
    work_dir.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(identity, indent=1) + '\n')
