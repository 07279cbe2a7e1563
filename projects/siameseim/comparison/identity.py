"""What a run of the comparison is of, so that no other is taken for it."""

import hashlib
import json
from pathlib import Path
from typing import Any

from mmengine.config import Config

from ..atomic_file import write_json
from ..datasets.image_folder import scan_files

# Parts of a config that say what is learned, and how.
_PARTS = (
    'model',
    'data_preprocessor',
    'load_from',
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
    """A digest of names and sizes of the files in some folders.

    Links are followed and hidden files left out, as by those that read them.
    """
    return _digest(
        ''.join(
            f'{name} {(split / name).stat().st_size}\n'
            for split in splits
            for name in sorted(scan_files(str(split), {}))
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
        _check(work_dir, flat(json.loads(path.read_text())), flat(identity))
    write_json(path, identity, indent=1)


def _check(work_dir: Path, was: dict[str, Any], now: dict[str, Any]) -> None:
    changed = [
        f'{name} was {was.get(name)}, is {now.get(name)}'
        for name in sorted({*was, *now})
        if was.get(name) != now.get(name)
    ]
    if changed:
        raise ValueError(
            f'{work_dir} was begun otherwise: {"; ".join(changed)}. Go on as '
            'it was begun (config: digests of what the file of the row says; '
            'data: of names and sizes of all files), or give another --label'
        )


def flat(values: dict[str, Any]) -> dict[str, Any]:
    """'options.lr' in place of 'lr' within 'options'."""
    named = {}
    for name, value in values.items():
        if isinstance(value, dict):
            named.update({f'{name}.{key}': v for key, v in value.items()})
        else:
            named[name] = value
    return named
