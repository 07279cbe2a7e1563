"""Compiles transformer blocks where a run asks for it."""

from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.models.backbones.vision_transformer import (
    TransformerEncoderLayer,
)
from mmpretrain.registry import HOOKS
from torch import nn


def compile_blocks(model: nn.Module, **options: Any) -> int:
    """Compile each transformer block of a model, in place.

    Block by block, since all blocks of one kind share one compiled graph:
    the time to the first step is that of half a dozen blocks. Names and
    shapes of the weights stay.

    Args:
        model (nn.Module): any model made of stock blocks.
        **options: as for ``torch.compile``.

    Returns:
        int: how many blocks were compiled.
    """
    blocks = [
        module
        for module in model.modules()
        if isinstance(module, TransformerEncoderLayer)
    ]
    # A run has five kinds of blocks: online and target encoder and projector,
    # and the predictor. All are runs of one function, for which torch allows
    # eight kinds before it stops to compile; two models may need more.
    config = torch._dynamo.config
    config.cache_size_limit = max(config.cache_size_limit, 32)
    for block in blocks:
        # Each block always sees the same shape; symbolic ones are slower.
        block.compile(**{'dynamic': False, **options})
    return len(blocks)


@HOOKS.register_module()
class CompileBlocksHook(Hook):
    """Run ``torch.compile`` on every transformer block before training.

    Args:
        enabled (bool): whether to compile. Defaults to False.
        **options: as for ``torch.compile``.
    """

    def __init__(self, enabled: bool = False, **options: Any) -> None:
        self.enabled = enabled
        self.options = options

    def before_train(self, runner: Runner) -> None:
        """Compile, and say how much."""
        if self.enabled:
            count = compile_blocks(runner.model, **self.options)
            runner.logger.info(f'{count} transformer blocks will be compiled')
