"""Compiles transformer blocks where that is faster."""

import os
import shutil
import sysconfig
from pathlib import Path
from typing import Any, Literal

import torch
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.models.backbones.vision_transformer import (
    TransformerEncoderLayer,
)
from mmpretrain.registry import HOOKS
from torch import nn
from torch.utils._triton import has_triton

from ..errors import InputError

# Modes of ``torch.compile`` that replay each block as a CUDA graph of its own.
_WITH_GRAPHS = ('reduce-overhead', 'max-autotune')


def compile_blocks(model: nn.Module, **options: Any) -> int:
    """Compile each transformer block of a model, in place.

    Block by block, since all blocks of one kind share one compiled graph:
    the time to the first step is that of half a dozen blocks. Names and
    shapes of the weights stay. In this process it raises torch's limit of
    compiled kinds of one function (``torch._dynamo.config.cache_size_limit``)
    to 32 and lets no graph be cut for DistributedDataParallel
    (``optimize_ddp``).

    Args:
        model (nn.Module): any model made of stock blocks.
        **options: as for ``torch.compile``.

    Returns:
        int: how many blocks were compiled.

    Raises:
        InputError: if the ``mode`` makes a CUDA graph of each block.
    """
    mode = options.get('mode')
    if mode in _WITH_GRAPHS:
        raise InputError(
            f'mode={mode!r} makes a CUDA graph of each block: leave it out '
            '(default_hooks.graph makes graphs of the whole step), or for '
            "the tuning alone set mode='max-autotune-no-cudagraphs'"
        )
    blocks = [
        module
        for module in model.modules()
        if isinstance(module, TransformerEncoderLayer)
    ]
    # A run has six kinds of blocks: online and target encoder and projector,
    # the predictor and its last one. Most are runs of one function, for which
    # torch allows eight kinds before it stops to compile; two models may need
    # more.
    config = torch._dynamo.config
    config.cache_size_limit = max(config.cache_size_limit, 32)
    # DistributedDataParallel would have graphs cut at its buckets of
    # gradients. Blocks are short enough to send theirs while others compute.
    config.optimize_ddp = False
    for block in blocks:
        # Each block always sees the same shape; symbolic ones are slower.
        block.compile(**{'dynamic': False, **options})
    return len(blocks)


def missing_for_triton() -> str | None:
    """What triton, which compiles for CUDA, lacks; None if nothing."""
    if not has_triton():
        return 'triton, or a GPU that it supports'
    own = os.environ.get('CC')
    if own is None and not (shutil.which('gcc') or shutil.which('clang')):
        return 'a C compiler (install gcc, or set CC)'
    if own is not None and not shutil.which(own):  # it takes no options
        return f'the C compiler CC={own}'
    header = Path(sysconfig.get_path('include')) / 'Python.h'
    if not header.is_file():
        return f'{header} (install {header.parent.name}-dev)'
    return None


@HOOKS.register_module()
class CompileBlocksHook(Hook):
    """Run ``torch.compile`` on every transformer block before training.

    Args:
        enabled (bool | str): whether to compile; 'auto' does on CUDA devices
            where a compiler is installed: measured to be faster on one GPU
            (docs/performance.md), not run on several.
            Defaults to 'auto'.
        **options: as for ``torch.compile``.

    Raises:
        ValueError: if ``enabled`` is another text.
    """

    def __init__(
        self, enabled: bool | Literal['auto'] = 'auto', **options: Any
    ) -> None:
        if enabled not in (True, False, 'auto'):
            raise ValueError(
                f"CompileBlocksHook: enabled must be True, False or 'auto', "
                f'not {enabled!r}'
            )
        self.enabled = enabled
        self.options = options

    def before_train(self, runner: Runner) -> None:
        """Compile, and say how much or why not."""
        auto = self.enabled == 'auto'
        if not self.enabled or (auto and not torch.cuda.is_available()):
            return
        # Processes compile together or not at all: compiled blocks send
        # gradients at other moments, and all must send in one order.
        lacking = all_gather_object(missing_for_triton()) if auto else []
        if any(lacking):
            runner.logger.info(
                'blocks are not compiled, which would be faster, for want of '
                f'{next(filter(None, lacking))}'
            )
            return
        count = compile_blocks(runner.model, **self.options)
        runner.logger.info(
            f'{count} transformer blocks are compiled in the first step, '
            'which takes a minute or two'
        )
