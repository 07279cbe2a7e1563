"""Importing the stack in a process of its own: run by path, never imported.

Prints, for each name in its arguments, a line ``RESULT`` with JSON; if an
import ends the process, its line is the first that is missing.
"""

import io
import json
import sys
from importlib import import_module
from typing import Any


def torch() -> dict[str, Any]:
    """Tell the device side of torch, and that it computes."""
    import torch

    torch.zeros(1).numpy()
    gpu = torch.cuda.is_available()
    if gpu:  # this torch may have no kernels for it
        (torch.zeros(1, device='cuda') + 1).item()
    return {
        'cuda': torch.version.cuda,
        'gpu': torch.cuda.get_device_name() if gpu else None,
        # Not is_bf16_supported(): it counts emulated bf16 too.
        'gpu_bf16': gpu and torch.cuda.get_device_capability() >= (8, 0),
    }


def resume() -> dict[str, Any]:
    """Load what an mmengine checkpoint holds as resuming does."""
    import torch
    from mmengine.logging import HistoryBuffer

    import siameseim  # noqa: F401  (allows the types when imported)

    file = io.BytesIO()
    torch.save({'loss': HistoryBuffer([1.0], [1])}, file)
    file.seek(0)
    torch.load(file)  # as mmengine does: with the default of this torch
    return {}


def siameseim() -> dict[str, Any]:
    """Tell where siameseim is imported from."""
    import siameseim

    return {'path': siameseim.__file__}


def mmcv_ops() -> dict[str, Any]:
    """Tell for which CUDA mmcv's operators were compiled."""
    from mmcv.ops import get_compiling_cuda_version

    return {'cuda': get_compiling_cuda_version()}


SPECIAL = {
    'torch': torch,
    'resume': resume,
    'siameseim': siameseim,
    'mmcv.ops': mmcv_ops,
}


def probe(name: str) -> dict[str, Any]:
    """Run one probe; a name without its own is a module to import."""
    try:
        facts = SPECIAL[name]() if name in SPECIAL else {}
        if name not in SPECIAL:
            import_module(name)
    except Exception as error:
        # Any import-time failure is the finding.
        return {'error': f'{type(error).__name__}: {error}'}
    return facts


if __name__ == '__main__':
    del sys.path[0]  # this folder, which would shadow top-level modules
    for argument in sys.argv[1:]:
        print(f'RESULT {json.dumps(probe(argument))}', flush=True)
