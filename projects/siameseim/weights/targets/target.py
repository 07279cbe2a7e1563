"""A checkpoint that is ready to be written, and writing it."""

import json
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...atomic_file import write_complete, write_json
from ...layouts.safe_load import META, NOTES
from ..plain_vit import PlainViT


@dataclass
class Target:
    """A ViT in the form of one library."""

    state: dict[str, Tensor]  # by the library's names
    usage: str  # how to load it there
    container: str = 'state_dict'  # its key in a ``.pth`` file; '' for none
    # config.json and preprocessor_config.json of a folder, where it loads one
    config: dict[str, Any] = field(default_factory=dict)
    preprocessor: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)  # for the user


def require_head(vit: PlainViT, instead: str) -> None:
    """Raise if there is no classifier to write, only a backbone."""
    if not vit.head:
        raise ValueError(
            f'the source has no classifier, only a backbone: choose {instead}'
        )


def save(target: Target, destination: Path, meta: dict[str, Any]) -> None:
    """Write a file, or a folder where the name has no suffix.

    Complete files are renamed into place, so that a stop leaves no half one.

    Args:
        target (Target): what to write.
        destination (Path): ``.pth``, ``.pt``, ``.bin``, ``.safetensors``, or
            a folder, for libraries that load folders.
        meta (dict[str, Any]): our notes; plain values.

    Raises:
        ValueError: if the name does not fit the library.
    """
    suffix = destination.suffix
    if target.config and not suffix:
        _save_folder(target, destination, meta)
    elif suffix == '.safetensors':
        _save_safetensors(target.state, destination, meta)
    elif suffix in ('.pth', '.pt', '.bin'):
        contents: dict[str, Any] = OrderedDict(_owned(target.state))
        if target.container:
            contents = {target.container: contents, 'meta': meta}
        else:  # strict loading allows no key, but passes over these
            vars(contents)['_metadata'] = {NOTES: meta}
        write_complete(destination, lambda path: torch.save(contents, path))
    else:
        folder = ' or a folder without suffix' if target.config else ''
        raise ValueError(
            f'{destination} must end with .pth, .pt, .bin or .safetensors'
            f'{folder}'
        )


def _save_folder(target: Target, folder: Path, meta: dict[str, Any]) -> None:
    """``model.safetensors``, and what a library wants beside it."""
    if folder.is_file():
        raise ValueError(f'{folder} is a file, but a folder is to be written')
    _save_safetensors(target.state, folder / 'model.safetensors', meta)
    if target.preprocessor:
        write_json(folder / 'preprocessor_config.json', target.preprocessor)
    write_json(folder / 'config.json', target.config)


def _save_safetensors(
    state: dict[str, Tensor], path: Path, meta: dict[str, Any]
) -> None:
    try:
        from safetensors.torch import save
    except ImportError as error:
        raise ImportError(
            f'{path} needs the package safetensors: pip install safetensors'
        ) from error
    metadata = {'format': 'pt', META: json.dumps(meta)}
    # its `save_file` lets nobody else read the file, whatever the umask
    contents = save(_owned(state), metadata)
    write_complete(path, lambda part: part.write_bytes(contents))


def _owned(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Copies without padding, so that no file holds more than it says."""
    return {
        name: t.detach().clone(memory_format=torch.contiguous_format)
        for name, t in state.items()
    }
