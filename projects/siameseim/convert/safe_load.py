"""Reading checkpoint files without running code they may carry."""

import argparse
import os
import pickle
import re
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import barrier


def load_file(source: str) -> dict[str, Any]:
    """Read a checkpoint into memory, tensors on the CPU.

    Besides tensors and plain Python values only the types that the published
    files (``argparse.Namespace``) and mmengine's own (see
    ``engine.safe_load``) need are let in.

    Args:
        source (str): path of a PyTorch or ``.safetensors`` file, or an
            http(s) address, which is downloaded once into torch's hub cache.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if loading the file would run code, or it is no
            checkpoint.
    """
    path = _local(source)
    if not path.is_file():
        raise FileNotFoundError(
            f'checkpoint {source!r} does not exist (looked for '
            f'{path.absolute()})'
        )
    if path.suffix == '.safetensors':
        return _load_safetensors(path)
    _allow_namespaces()
    try:
        contents = torch.load(path, map_location='cpu', weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise ValueError(_explain(path, error)) from error
    if not isinstance(contents, dict):
        raise ValueError(
            f'{path} holds a {type(contents).__name__}, not a dict of '
            'tensors: save model.state_dict() instead of the model'
        )
    return contents


def _allow_namespaces() -> None:
    """Let in the one type of published files that torch does not know."""
    if hasattr(torch.serialization, 'add_safe_globals'):
        torch.serialization.add_safe_globals([argparse.Namespace])


def _explain(path: Path, error: Exception) -> str:
    """What was wrong with a file, and the cure."""
    text = str(error)
    named = re.search(r'GLOBAL (\S+)|(?:class|function) (\S+)', text)
    if named:
        what = next(filter(None, named.groups())).strip('.')
        return (
            f'{path} was not loaded: it wants to create or call {what}, which '
            'could run any code. If you made the file yourself, save only '
            'tensors and numbers in it: '
            "torch.save({'state_dict': model.state_dict()}, path)"
        )
    # torch's own text would advise to load the file unsafely
    own_words = isinstance(error, RuntimeError) and text
    detail = f': {text.splitlines()[0]}' if own_words else ''
    return (
        f'{path} is no PyTorch checkpoint that can be read without running '
        'code from it, or it was cut short in a download or copy '
        f'({type(error).__name__}{detail})'
    )


def _load_safetensors(path: Path) -> dict[str, Any]:
    try:
        from safetensors.torch import load_file as load
    except ImportError as error:
        raise ImportError(
            f'{path} needs the package safetensors: pip install safetensors'
        ) from error
    return load(path)


def _local(source: str) -> Path:
    """Path of a file; an address is downloaded by one process of a node."""
    if not source.startswith(('http://', 'https://')):
        return Path(source).expanduser()
    folder = Path(torch.hub.get_dir()) / 'checkpoints'
    path = folder / source.rsplit('/', 1)[-1].split('?')[0]
    first = os.environ.get('LOCAL_RANK', '0') == '0'
    if first and not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(source, str(path))
    barrier()
    return path
