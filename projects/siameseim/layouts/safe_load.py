"""Reading checkpoint files without running code they may carry."""

import hashlib
import json
import os
import pickle
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import barrier

from ..errors import InputError

# Where this package keeps its notes in the header of a safetensors file.
META = 'siameseim'
# ... and in the metadata that torch keeps for each module, by name, in a state
# dict: no module has a space in its name.
NOTES = 'siameseim notes'
# What torch raises for files that are no checkpoints, texts among them.
_UNREADABLE = (
    pickle.UnpicklingError,
    RuntimeError,
    EOFError,
    LookupError,
    UnicodeError,
    struct.error,
    OSError,
)


def load_file(source: str) -> dict[str, Any]:
    """Read a checkpoint into memory, tensors on the CPU.

    Besides tensors and plain Python values only the types that the published
    files (``argparse.Namespace``) and mmengine's own (see
    ``checkpoints.safe_load``) need are let in.

    Args:
        source (str): path of a PyTorch or ``.safetensors`` file, or an
            http(s) address, which is downloaded once into torch's hub cache,
            or a folder with weights and ``config.json`` as Hugging Face and
            timm write it.

    Returns:
        dict[str, Any]: the file's contents; 'config' and 'preprocessor' for
        ``config.json`` and ``preprocessor_config.json`` of a folder, and
        'meta' for what this package noted in a file of tensors alone.

    Raises:
        FileNotFoundError: if there is no such file.
        InputError: if loading the file would run code, or it is no
            checkpoint.
    """
    path = _local(source)
    if path.is_dir():
        return _load_folder(path)
    if not path.is_file():
        raise FileNotFoundError(
            f'checkpoint {source!r} does not exist (looked for '
            f'{path.absolute()})'
        )
    if path.suffix == '.safetensors':
        return _load_safetensors(path)
    with unreadable_explained(path):
        contents = torch.load(path, map_location='cpu', weights_only=True)
    if not isinstance(contents, dict):
        raise InputError(
            f'{path} holds a {type(contents).__name__}, not a dict of '
            'tensors: save model.state_dict() instead of the model'
        )
    metadata = getattr(contents, '_metadata', None)
    if isinstance(metadata, dict) and NOTES in metadata:
        return {'state_dict': contents, 'meta': metadata[NOTES]}
    return contents


@contextmanager
def unreadable_explained(path: Path, cure: str = '') -> Iterator[None]:
    """Name the file where torch only says what it stumbled over.

    Args:
        path (Path): that is read inside; it exists.
        cure (str): how the error ends.

    Raises:
        InputError: if loading it would run code, or it is no checkpoint.
    """
    try:
        yield
    except torch.OutOfMemoryError:  # of the device that it is read onto
        raise
    except _UNREADABLE as error:
        if getattr(error, 'filename', None):  # it may not be opened
            raise
        raise InputError(f'{_explain(path, error)}{cure}') from error


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
    if path.suffix == '.onnx':
        return (
            f'{path} is an ONNX program, and weights are not read from one: '
            'give the checkpoint that it was made of'
        )
    # torch's own text would advise to load the file unsafely
    own_words = isinstance(error, RuntimeError) and text
    detail = f': {text.splitlines()[0]}' if own_words else ''
    return (
        f'{path} is no PyTorch checkpoint that can be read without running '
        'code from it, or it was cut short in a download or copy '
        f'({type(error).__name__}{detail})'
    )


def _load_folder(folder: Path) -> dict[str, Any]:
    """Weights and ``config.json`` of a folder, which must be of a ViT."""
    for name in ('model.safetensors', 'pytorch_model.bin'):
        if (folder / name).is_file():
            contents = load_file(str(folder / name))
            break
    else:
        raise FileNotFoundError(
            f'{folder} is a folder without model.safetensors: give the '
            'checkpoint file itself'
        )
    settings = folder / 'config.json'
    if not settings.is_file():
        return contents
    config = json.loads(settings.read_text('utf-8'))
    if config.get('model_type', 'vit') != 'vit':
        raise InputError(
            f'{settings} describes a model of type {config["model_type"]!r}, '
            "which is not read: only 'vit' is"
        )
    if 'state_dict' not in contents:
        contents = {'state_dict': contents}
    processor = folder / 'preprocessor_config.json'
    if processor.is_file():
        contents['preprocessor'] = json.loads(processor.read_text('utf-8'))
    return {**contents, 'config': config}


def _load_safetensors(path: Path) -> dict[str, Any]:
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise ImportError(
            f'{path} needs the package safetensors: pip install safetensors'
        ) from error
    try:
        with safe_open(path, framework='pt') as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise InputError(
            f'{path} is no safetensors file, or it was cut short in a '
            f'download or copy ({error})'
        ) from error
    if META not in metadata:
        return tensors
    return {'state_dict': tensors, 'meta': json.loads(metadata[META])}


def _local(source: str) -> Path:
    """Path of a file; an address is downloaded by one process of a node.

    Many files on the web have the same name, so the address is in it too.
    """
    if not source.startswith(('http://', 'https://')):
        return Path(source).expanduser()
    folder = Path(torch.hub.get_dir()) / 'checkpoints'
    name = source.rsplit('/', 1)[-1].split('?')[0]
    address = hashlib.sha256(source.encode()).hexdigest()[:8]
    path = folder / f'{address}-{name}'
    first = os.environ.get('LOCAL_RANK', '0') == '0'
    try:
        if first and not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(source, str(path))
    finally:  # else the others would wait for one that failed
        barrier()
    return path
